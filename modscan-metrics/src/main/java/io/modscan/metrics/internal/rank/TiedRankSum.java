package io.modscan.metrics.internal.rank;

import org.apache.commons.numbers.gamma.Erfc;
import org.jspecify.annotations.Nullable;

/**
 * The distribution of the sum of n of a unit's ranks, drawn at random. How many of the n come from below and from above the
 * largest group of equal values is hypergeometric; given that, the sum is looked up in {@link SubsetSums}, or taken as normal,
 * with a correction for continuity, where there is no table. Immutable.
 */
public final class TiedRankSum {

    /** Of more combinations of counts, the normal approximation to the sum as a whole is as good. */
    private static final long MOST_CELLS = 1 << 13;

    private final TiedRanks ranks;
    private final int n;
    private final SubsetSums sums;
    /** Up to how many ranks are looked up. */
    private final int lookedUp;
    /** The counts that are possible, and how likely they are. */
    private final int[] fromBelow;

    private final int[] fromAbove;
    private final double[] weights;
    /** Of normal sums. */
    private final double[] means;

    private final double[] deviations;

    private TiedRankSum(TiedRanks ranks, int n, SubsetSums sums, int lookedUp, Hypergeometric outside, int cells) {
        this.ranks = ranks;
        this.n = n;
        this.sums = sums;
        this.lookedUp = lookedUp;
        this.fromBelow = new int[cells];
        this.fromAbove = new int[cells];
        this.weights = new double[cells];
        this.means = new double[cells];
        this.deviations = new double[cells];
        int cell = 0;
        for (int count = outside.first(); count <= outside.last(); count++) {
            Hypergeometric below =
                    new Hypergeometric(ranks.outside(), ranks.below().size(), count);
            for (int x = below.first(); x <= below.last(); x++) {
                fromBelow[cell] = x;
                fromAbove[cell] = count - x;
                weights[cell] = outside.probability(count) * below.probability(x);
                means[cell] = ranks.mean(n, x, count - x);
                deviations[cell] = ranks.deviation(x, count - x);
                cell++;
            }
        }
    }

    /**
     * Prepares for sums of n ranks.
     *
     * @param sums     tables
     * @param lookedUp up to how many ranks they are used for, −1 for none; sums of more are taken as normal
     * @return null if that takes more time than it is worth
     */
    static @Nullable TiedRankSum of(TiedRanks ranks, int n, SubsetSums sums, int lookedUp) {
        Hypergeometric outside = new Hypergeometric(ranks.all(), ranks.outside(), n);
        long cells = 0;
        for (int count = outside.first(); count <= outside.last(); count++) {
            // As many as the sizes allow: some of them may be too unlikely.
            cells += Math.min(count, ranks.below().size())
                    - Math.max(0, count - ranks.above().size())
                    + 1L;
            if (cells > MOST_CELLS) {
                return null;
            }
        }
        return new TiedRankSum(ranks, n, sums, lookedUp, outside, (int) cells);
    }

    /** Twice the smaller of the two tails that a sum, doubled, cuts off and is part of, but not above 1. */
    double twoSided(long sum) {
        double upper = tail(sum, true);
        // Of two tails that overlap, one is at least a half.
        return Math.min(1, 2 * (upper <= 0.5 ? upper : Math.min(upper, tail(sum, false))));
    }

    private double tail(long sum, boolean upper) {
        double tail = 0;
        for (int cell = 0; cell < weights.length; cell++) {
            // What is left out changes no digit.
            if (weights[cell] > tail * 0x1p-60) {
                tail += weights[cell] * given(cell, sum, upper);
            }
        }
        return tail;
    }

    private double given(int cell, long sum, boolean upper) {
        int x = fromBelow[cell];
        int y = fromAbove[cell];
        if (x + y > lookedUp) {
            return normal(cell, sum, upper);
        }
        long excess = sum - ranks.least(n, x, y);
        return upper ? sums.atLeast(x, y, excess) : sums.atMost(x, y, excess);
    }

    private double normal(int cell, long sum, boolean upper) {
        double beyond = upper ? sum - means[cell] : means[cell] - sum;
        if (deviations[cell] == 0) {
            // A single sum, whose mean may be rounded.
            return beyond < 0.5 ? 1 : 0;
        }
        // The sum is doubled, so half a rank is 1.
        return Erfc.value((beyond - 1) / (deviations[cell] * Math.sqrt(2))) / 2;
    }
}
