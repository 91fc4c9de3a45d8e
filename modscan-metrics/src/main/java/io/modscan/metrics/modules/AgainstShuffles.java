package io.modscan.metrics.modules;

import java.util.Arrays;

/**
 * A number set against what it is where units have nothing to do with each other.
 *
 * @param observed the number for the values as they are
 * @param mean     its mean over shuffles; NaN if it could be told for none
 * @param sd       its standard deviation over shuffles (n − 1); NaN if it could be told for fewer than two
 * @param z        (observed − mean) / sd; NaN or infinite where sd is 0
 * @param p        (1 + the number of shuffles for which it is at least the observed one) / (1 + the number of shuffles):
 *                 the p-value of the permutation test, at least 1 / (1 + the number of shuffles); NaN without shuffles, or
 *                 where the observed number is NaN
 */
public record AgainstShuffles(double observed, double mean, double sd, double z, double p) {

    /** A shuffle for which the number could not be told (NaN) is no evidence that it is as large as the observed one. */
    static AgainstShuffles of(double observed, double[] shuffled) {
        double[] told = Arrays.stream(shuffled).filter(x -> !Double.isNaN(x)).toArray();
        double mean = Arrays.stream(told).sum() / told.length;
        double squares = Arrays.stream(told).map(x -> (x - mean) * (x - mean)).sum();
        double sd = told.length < 2 ? Double.NaN : Math.sqrt(squares / (told.length - 1));
        return new AgainstShuffles(observed, mean, sd, (observed - mean) / sd, p(observed, shuffled));
    }

    static double p(double observed, double[] shuffled) {
        if (shuffled.length == 0 || Double.isNaN(observed)) {
            return Double.NaN;
        }
        long asLarge = Arrays.stream(shuffled).filter(x -> x >= observed).count();
        return (1.0 + asLarge) / (1.0 + shuffled.length);
    }
}
