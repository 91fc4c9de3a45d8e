package io.modscan.metrics.internal.graph;

import io.modscan.core.model.MatrixProduct;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.util.function.Consumer;

/** The products of each pair of units' rows, once, tile by tile: never are all of them held. */
public final class PairTiles {

    private static final int MOST_ROWS = 1024;
    /** Of the rows of a tile. */
    private static final int MOST_VALUES = 1 << 23;

    private PairTiles() {}

    /** Gives some units' rows. */
    @FunctionalInterface
    public interface Rows {
        /** The rows of the units from one up to another, one behind the other, each of length 1. */
        DoubleBuffer of(int from, int to);
    }

    /**
     * Goes through all pairs.
     *
     * @param units  how many there are
     * @param length of a row, at least 1
     * @param rows   gives them
     * @param tiles  takes each tile
     */
    public static void forEach(int units, int length, Rows rows, Consumer<PairTile> tiles) {
        int most = Math.max(1, Math.min(MOST_ROWS, MOST_VALUES / length));
        for (int top = 0; top < units; top += most) {
            int bottom = Math.min(units, top + most);
            DoubleBuffer above = rows.of(top, bottom);
            for (int left = top; left < units; left += most) {
                Interrupt.checkThisThread();
                int right = Math.min(units, left + most);
                DoubleBuffer beside = left == top ? above : rows.of(left, right);
                double[] values = new double[(bottom - top) * (right - left)];
                MatrixProduct.installed().timesTransposed(above, beside, length, DoubleBuffer.wrap(values));
                tiles.accept(new PairTile(top, bottom, left, right, values));
            }
        }
    }
}
