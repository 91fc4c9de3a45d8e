package io.modscan.metrics.modules;

import io.modscan.core.product.MatrixProduct;
import java.nio.DoubleBuffer;

/** The correlation of each pair of units, once, tile by tile: never are all of them held. */
final class Correlations {

    private static final int MOST_ROWS = 1024;
    /** Of the standardised values of a tile's rows. */
    private static final int MOST_VALUES = 1 << 23;

    private Correlations() {}

    /** Takes in a pair. */
    @FunctionalInterface
    interface PairConsumer {
        /** Takes the places of two units among the chosen ones, the first before the second, and their correlation. */
        void accept(int first, int second, double correlation);
    }

    static void ofPairs(Columns columns, int[] chosen, PairConsumer pairs) {
        int rows = Math.max(1, Math.min(MOST_ROWS, MOST_VALUES / columns.prompts()));
        for (int top = 0; top < chosen.length; top += rows) {
            int bottom = Math.min(chosen.length, top + rows);
            DoubleBuffer above = columns.standardised(chosen, top, bottom);
            for (int left = top; left < chosen.length; left += rows) {
                int right = Math.min(chosen.length, left + rows);
                DoubleBuffer beside = left == top ? above : columns.standardised(chosen, left, right);
                DoubleBuffer tile = DoubleBuffer.allocate((bottom - top) * (right - left));
                MatrixProduct.installed().timesTransposed(above, beside, columns.prompts(), tile);
                int at = 0;
                for (int i = top; i < bottom; i++) {
                    for (int j = left; j < right; j++, at++) {
                        if (j > i) {
                            pairs.accept(i, j, Math.max(-1, Math.min(1, tile.get(at))));
                        }
                    }
                }
            }
        }
    }
}
