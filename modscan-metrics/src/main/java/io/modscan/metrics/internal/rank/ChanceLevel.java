package io.modscan.metrics.internal.rank;

import org.apache.commons.numbers.gamma.RegularizedBeta;

/** The correlation that chance alone hardly reaches, over prompts or, of weights, over coordinates. */
public final class ChanceLevel {

    /** The probability that any pair reaches it. */
    public static final double LEVEL = 0.05;

    /** Halvings of [0, 1]: to the last bit of a float and beyond. */
    private static final int STEPS = 40;

    private ChanceLevel() {}

    /**
     * The correlation that, by Bonferroni's bound, any pair reaches with a probability of at most 0.05, if values are
     * independent and normal: r² is then distributed as beta(1/2, n/2 − 1).
     *
     * @param prompts  n, at least 3; of what is centred over coordinates, how many there are of these
     * @param pairs    how many pairs there are
     * @param absolute whether negative correlations reach it too
     */
    public static double of(int prompts, double pairs, boolean absolute) {
        return of(prompts, pairs, absolute, LEVEL);
    }

    /** The correlation that so many of some pairs are expected to reach, under the same conditions. */
    public static double of(int prompts, double pairs, boolean absolute, double expected) {
        return reachedBy(expected / Math.max(1, pairs) * (absolute ? 1 : 2), prompts);
    }

    /** The correlation that is as rare by chance over some prompts as another is over other prompts. */
    public static double asRare(double correlation, int prompts, int others) {
        return reachedBy(share(correlation, prompts), others);
    }

    /** The share of pairs that reach a correlation, whatever its sign, if values are independent and normal. */
    public static double share(double correlation, int prompts) {
        return RegularizedBeta.complement(correlation * correlation, 0.5, prompts / 2.0 - 1);
    }

    private static double reachedBy(double share, int prompts) {
        double low = 0;
        double high = 1;
        for (int step = 0; step < STEPS; step++) {
            double middle = (low + high) / 2;
            if (share(middle, prompts) > share) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return high;
    }
}
