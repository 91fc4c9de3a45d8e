package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.PairTile;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.commons.numbers.gamma.RegularizedBeta;

/**
 * The correlation that makes a link, chosen so that about one link of twenty is by chance, were values normal: the rule of Benjamini
 * and Hochberg over all pairs of units.
 */
final class LinkThreshold implements Consumer<PairTile> {

    private static final double LEVEL = 0.05;

    /** Of correlations from 0 to 1. */
    private static final int BINS = 1 << 14;

    private final boolean absolute;
    private final long[] counts = new long[BINS + 1];

    private LinkThreshold(boolean absolute) {
        this.absolute = absolute;
    }

    static double of(Columns columns, boolean absolute) {
        int units = columns.units().size();
        LinkThreshold threshold = new LinkThreshold(absolute);
        Correlations.ofPairs(columns, IntStream.range(0, units).toArray(), threshold);
        return threshold.least(columns.prompts(), units * (units - 1.0) / 2)
    ;
    }

    @Override
    public void accept(PairTile tile) {
        int threads = 8;
        int rows = tile.bottom() - tile.top();
        long[][] parts = IntStream.range(0, threads).parallel().mapToObj(part -> {
            long[] own = new long[BINS + 1];
            for (int i = tile.top() + rows * part / threads; i < tile.top() + rows * (part + 1) / threads; i++) {
                for (int j = tile.firstBehind(i); j < tile.right(); j++) {
                    double r = tile.get(i, j);
                    double size = absolute ? Math.abs(r) : r;
                    if (size > 0) {
                        own[(int) (size * BINS)]++;
                    }
                }
            }
            return own;
        }).toArray(long[][]::new);
        for (long[] part : parts) {
            for (int bin = 0; bin <= BINS; bin++) {
                counts[bin] += part[bin];
            }
        }
    }

    private double least(int prompts, double pairs) {
        long reached = 0;
        double least = 1;
        for (int bin = BINS; bin >= 1; bin--) {
            reached += counts[bin];
            double r = (double) bin / BINS;
            double chance = RegularizedBeta.complement(r * r, 0.5, prompts / 2.0 - 1) * (absolute ? 1 : 0.5);
            if (pairs * chance <= LEVEL * Math.max(1, reached)) {
                least = r;
            }
        }
        return least;
    }
}
