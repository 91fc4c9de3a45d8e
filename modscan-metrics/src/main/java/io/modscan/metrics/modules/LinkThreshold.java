package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.PairTile;
import java.util.function.Consumer;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/**
 * The correlation that makes a link, chosen so that no more than one link of twenty is by chance, were values normal: the rule of
 * Benjamini and Hochberg, "Controlling the false discovery rate", 1995, over all pairs of units. It is the least r of which so many
 * pairs are expected by chance that they are at most 0.05 of those that reach it. Where no pair reaches any such r, it is the one that
 * any pair at all reaches with a probability of 0.05.
 *
 * <p>Correlations of all pairs are not held but counted in bins, and r is the lower edge of one. For these the rule holds exactly, since
 * a bin's edge is reached by what is in it and above. So r may be larger by less than a bin than if pairs were sorted, and never smaller.
 */
final class LinkThreshold implements Consumer<PairTile> {

    /** The share of links that may be there by chance. */
    private static final double BY_CHANCE = 0.05;

    /** Of correlations from 0 to 1. A bin's edge is a multiple of the grid that links' weights are rounded to. */
    private static final int BINS = 1 << 14;

    private final boolean absolute;
    /** Of each bin, and of 1, how many pairs correlate by as much as its lower edge and less than the next one's. */
    private final long[] counts = new long[BINS + 1];

    private LinkThreshold(boolean absolute) {
        this.absolute = absolute;
    }

    /**
     * Counts pairs, and chooses.
     *
     * @param absolute whether a correlation's size counts
     */
    static double of(Observed observed, boolean absolute) {
        int units = observed.columns().units().size();
        LinkThreshold threshold = new LinkThreshold(absolute);
        Correlations.ofPairs(observed.columns(), IntStream.range(0, units).toArray(), threshold);
        return threshold.least(observed::share, units * (units - 1.0) / 2);
    }

    @Override
    public void accept(PairTile tile) {
        add(
                counts,
                IntStream.range(tile.top(), tile.bottom())
                        .parallel()
                        .collect(() -> new long[BINS + 1], (own, row) -> count(tile, row, own), LinkThreshold::add));
    }

    private void count(PairTile tile, int row, long[] own) {
        for (int column = tile.firstBehind(row); column < tile.right(); column++) {
            double r = tile.get(row, column);
            double size = absolute ? Math.abs(r) : r;
            if (size > 0) {
                own[(int) (size * BINS)]++;
            }
        }
    }

    private static void add(long[] to, long[] others) {
        for (int bin = 0; bin <= BINS; bin++) {
            to[bin] += others[bin];
        }
    }

    private double least(DoubleUnaryOperator byChance, double pairs) {
        long reached = 0;
        double least = 1;
        for (int bin = BINS; bin >= 1; bin--) {
            reached += counts[bin];
            double r = (double) bin / BINS;
            double expected = pairs * byChance.applyAsDouble(r) * (absolute ? 1 : 0.5);
            if (expected <= BY_CHANCE * Math.max(1, reached)) {
                least = r;
            }
        }
        return least;
    }
}
