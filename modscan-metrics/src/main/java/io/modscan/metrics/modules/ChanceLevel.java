package io.modscan.metrics.modules;

import org.apache.commons.numbers.gamma.RegularizedBeta;

/** The correlation that chance alone hardly reaches. */
final class ChanceLevel {

    private static final double LEVEL = 0.05;
    /** Halvings of [0, 1]: to the last bit of a float and beyond. */
    private static final int STEPS = 40;

    private ChanceLevel() {}

    /**
     * The correlation that, by Bonferroni's bound, any pair reaches with a probability of at most 0.05, if values are
     * independent and normal: r² is then distributed as beta(1/2, n/2 − 1).
     *
     * @param prompts  n, at least 3
     * @param absolute whether negative correlations reach it too
     */
    static double of(int prompts, long units, boolean absolute) {
        double pairs = units * (units - 1.0) / 2;
        double wanted = LEVEL / Math.max(1, pairs) * (absolute ? 1 : 2);
        double low = 0;
        double high = 1;
        for (int step = 0; step < STEPS; step++) {
            double middle = (low + high) / 2;
            if (RegularizedBeta.complement(middle * middle, 0.5, prompts / 2.0 - 1) > wanted) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return high;
    }
}
