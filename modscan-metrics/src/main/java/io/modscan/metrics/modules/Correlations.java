package io.modscan.metrics.modules;

import io.modscan.core.model.MatrixProduct;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;

/** The correlation of each pair of units, once, tile by tile: never are all of them held. */
final class Correlations {

    private static final int MOST_ROWS = 1024;
    /** Of the standardised values of a tile's rows. */
    private static final int MOST_VALUES = 1 << 23;

    private Correlations() {}

    /**
     * Some units against some others: a tile on the diagonal has each of its pairs twice, and units with themselves.
     *
     * @param top    the place of the first row's unit among the chosen ones
     * @param bottom the place behind the last row's
     * @param left   the place of the first column's unit, at least that of the first row's
     * @param right  the place behind the last column's
     * @param values row by row; rounding may have left [−1, 1] by a little
     */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    record Tile(int top, int bottom, int left, int right, double[] values) {

        double get(int row, int column) {
            return Math.max(-1, Math.min(1, values[(row - top) * (right - left) + column - left]));
        }

        /** The columns behind a row's own, whose pairs with it have not been in the rows above. */
        int firstBehind(int row) {
            return Math.max(left, row + 1);
        }
    }

    /** Takes in a tile. */
    @FunctionalInterface
    interface TileConsumer {
        /** Takes a tile, whose values are overwritten afterwards. */
        void accept(Tile tile);
    }

    static void ofPairs(Columns columns, int[] chosen, TileConsumer tiles) {
        int rows = Math.max(1, Math.min(MOST_ROWS, MOST_VALUES / columns.prompts()));
        for (int top = 0; top < chosen.length; top += rows) {
            int bottom = Math.min(chosen.length, top + rows);
            DoubleBuffer above = columns.standardised(chosen, top, bottom);
            for (int left = top; left < chosen.length; left += rows) {
                Interrupt.checkThisThread();
                int right = Math.min(chosen.length, left + rows);
                DoubleBuffer beside = left == top ? above : columns.standardised(chosen, left, right);
                double[] values = new double[(bottom - top) * (right - left)];
                MatrixProduct.installed().timesTransposed(above, beside, columns.prompts(), DoubleBuffer.wrap(values));
                tiles.accept(new Tile(top, bottom, left, right, values));
            }
        }
    }
}
