package io.modscan.metrics.subspace;

import java.util.Arrays;

/**
 * A number beside what it is when labels are shuffled.
 *
 * @param observed with the labels as they are
 * @param mean     over shuffles
 * @param sd       over shuffles
 * @param p        that of a number as small
 */
record Shuffled(double observed, double mean, double sd, double p) {

    /** Two ways of computing one overlap differ by less, and it would be an accident if different overlaps did. */
    private static final double SAME = 1e-9;

    static Shuffled of(double observed, double[] shuffled) {
        double[] known =
                Arrays.stream(shuffled).filter(value -> !Double.isNaN(value)).toArray();
        double mean = Arrays.stream(known).average().orElse(Double.NaN);
        double squares = Arrays.stream(known)
                .map(value -> (value - mean) * (value - mean))
                .sum();
        // A shuffle without an overlap is counted against the claim.
        double asSmall = Arrays.stream(shuffled)
                .filter(value -> !(value > observed + SAME))
                .count();
        boolean none = shuffled.length == 0 || Double.isNaN(observed);
        return new Shuffled(
                observed,
                mean,
                known.length < 2 ? Double.NaN : Math.sqrt(squares / (known.length - 1)),
                none ? Double.NaN : (1 + asSmall) / (1 + shuffled.length));
    }
}
