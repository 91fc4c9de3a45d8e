package io.modscan.metrics.internal.graph;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.function.Consumer;
import java.util.stream.IntStream;

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
     * Goes through all pairs, and multiplies in double precision.
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
                LinearAlgebra.installed().timesTransposed(above, beside, length, DoubleBuffer.wrap(values));
                tiles.accept(new PairTile(top, bottom, left, right, values));
            }
        }
    }

    /** The error of a sum of products in single precision, of rows of length 1, is at most so much for each addition and each rounding, or hardly more. */
    private static final double ROUNDING = 0x1p-24;

    /** Values, products and the last sum are rounded once each, or so. */
    private static final int ROUNDED_BESIDES = 4;

    /**
     * Goes through all pairs, multiplies in single precision, which takes half the time, and in double precision for each
     * pair that is asked for.
     *
     * @param units  how many there are
     * @param length of a row, at least 1
     * @param rows   gives them
     * @param tiles  takes each tile, whose values are overwritten by the next one
     */
    public static void forEachNear(int units, int length, Rows rows, Consumer<NearTile> tiles) {
        int most = Math.min(units, Math.max(1, Math.min(MOST_ROWS, MOST_VALUES / length)));
        FloatBuffer above = direct(most * length);
        FloatBuffer beside = direct(most * length);
        FloatBuffer product = direct(most * most);
        float[] near = new float[most * most];
        double rounded = ROUNDING * (length + ROUNDED_BESIDES);
        double off = rounded / (1 - rounded);
        for (int top = 0; top < units; top += most) {
            int first = top;
            int bottom = Math.min(units, top + most);
            double[] ofRows = rows.of(top, bottom).array();
            FloatBuffer a = narrowed(ofRows, length, above);
            for (int from = top; from < units; from += most) {
                Interrupt.checkThisThread();
                int left = from;
                int right = Math.min(units, left + most);
                double[] ofColumns = left == top ? ofRows : rows.of(left, right).array();
                FloatBuffer b = left == top ? a : narrowed(ofColumns, length, beside);
                FloatBuffer ofTile = product.slice(0, (bottom - top) * (right - left));
                LinearAlgebra.installed().timesTransposed(a, b, length, ofTile);
                ofTile.get(0, near, 0, ofTile.capacity());
                tiles.accept(new NearTile(
                        top,
                        bottom,
                        left,
                        right,
                        near,
                        off,
                        (i, j) -> Dot.of(ofRows, (i - first) * length, ofColumns, (j - left) * length, length)));
            }
        }
    }

    private static FloatBuffer direct(int values) {
        return ByteBuffer.allocateDirect(values * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    private static FloatBuffer narrowed(double[] values, int length, FloatBuffer to) {
        IntStream.range(0, values.length / length).parallel().forEach(row -> {
            float[] narrow = new float[length];
            for (int i = 0; i < length; i++) {
                narrow[i] = (float) values[row * length + i];
            }
            to.put(row * length, narrow);
        });
        return to.slice(0, values.length);
    }
}
