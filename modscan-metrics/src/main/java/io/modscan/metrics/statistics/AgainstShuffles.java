package io.modscan.metrics.statistics;

import java.util.Arrays;
import java.util.function.DoublePredicate;

/**
 * A number set against what it is where things have nothing to do with each other, as {@link Shuffles} give it.
 *
 * @param observed the number for things as they are
 * @param mean     its mean over shuffles; NaN if it could be told for none
 * @param sd       its standard deviation over shuffles (n − 1); NaN if it could be told for fewer than two
 * @param z        (observed − mean) / sd; NaN or infinite where sd is 0
 * @param p        (1 + the number of shuffles for which it is as extreme) / (1 + the number of shuffles): the p-value of the
 *                 permutation test, at least 1 / (1 + the number of shuffles), as Phipson and Smyth, "Permutation p-values
 *                 should never be zero", 2010 (<a href="https://doi.org/10.2202/1544-6115.1585">doi:10.2202/1544-6115.1585</a>),
 *                 have it; NaN without shuffles, or where the observed number is NaN
 */
public record AgainstShuffles(double observed, double mean, double sd, double z, double p) {

    /**
     * Whether a number is large: as extreme is what is at least as large as the observed one. A shuffle for which the number
     * could not be told (NaN) is no evidence that it is.
     *
     * @param observed the number for things as they are
     * @param shuffled the same for shuffled ones; NaN counts in neither mean nor standard deviation
     * @return the comparison
     */
    public static AgainstShuffles of(double observed, double[] shuffled) {
        return of(observed, shuffled, value -> value >= observed);
    }

    /**
     * The same for numbers that are extreme in another way, such as small ones: {@code value -> value <= observed}.
     *
     * @param observed  the number for things as they are
     * @param shuffled  the same for shuffled ones; NaN counts in neither mean nor standard deviation
     * @param asExtreme whether a shuffle's number, which may be NaN, is as extreme as the observed one. Where rounding may
     *                  part equal numbers, it should let a little less pass
     * @return the comparison
     */
    public static AgainstShuffles of(double observed, double[] shuffled, DoublePredicate asExtreme) {
        double[] told = Arrays.stream(shuffled).filter(x -> !Double.isNaN(x)).toArray();
        double mean = Arrays.stream(told).sum() / told.length;
        double squares = Arrays.stream(told).map(x -> (x - mean) * (x - mean)).sum();
        double sd = told.length < 2 ? Double.NaN : Math.sqrt(squares / (told.length - 1));
        boolean none = shuffled.length == 0 || Double.isNaN(observed);
        long extreme = Arrays.stream(shuffled).filter(asExtreme).count();
        double p = none ? Double.NaN : (1.0 + extreme) / (1.0 + shuffled.length);
        return new AgainstShuffles(observed, mean, sd, (observed - mean) / sd, p);
    }
}
