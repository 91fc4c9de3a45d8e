package io.modscan.metrics.modules;

import io.modscan.core.model.MatrixProduct;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.PairTile;
import io.modscan.metrics.internal.graph.StrongestLinks;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.util.stream.IntStream;

/** The correlation of each pair of units, once, tile by tile: never are all of them held. */
final class Correlations {

    private static final int MOST_ROWS = 1024;
    /** Of the standardised values of a tile's rows. */
    private static final int MOST_VALUES = 1 << 23;

    private Correlations() {}

    /** Takes in a tile. */
    @FunctionalInterface
    interface TileConsumer {
        /** Takes a tile, whose values are overwritten afterwards. */
        void accept(PairTile tile);
    }

    /**
     * The links of units whose correlation is positive and no smaller than a threshold.
     *
     * @param neighbours how many links a unit keeps; a pair is linked if either of them keeps the link
     * @param absolute   whether a correlation's size counts instead
     */
    static Links links(Columns columns, double threshold, int neighbours, boolean absolute) {
        int[] all = IntStream.range(0, columns.units().size()).toArray();
        StrongestLinks strongest = new StrongestLinks(all.length, neighbours, threshold, absolute ? Math::abs : r -> r);
        ofPairs(columns, all, strongest::take);
        return strongest.links();
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
                tiles.accept(new PairTile(top, bottom, left, right, values));
            }
        }
    }
}
