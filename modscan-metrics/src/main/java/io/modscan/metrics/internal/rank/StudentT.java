package io.modscan.metrics.internal.rank;

import org.apache.commons.numbers.gamma.RegularizedBeta;

/** Student's t distribution, for intervals around a mean. */
public final class StudentT {

    private static final double RELATIVE = 1e-12;

    private StudentT() {}

    /**
     * The t that is exceeded with a probability of one less the given one. P(|T| &gt; t) is the regularised incomplete beta function
     * I(ν / (ν + t²); ν/2, 1/2), which a bracketing search inverts: some 50 values of it.
     *
     * @param probability      above 0.5 and below 1, such as 0.975 for an interval that holds 95 % of the distribution
     * @param degreesOfFreedom ν, above 0
     * @return t, found to within 1e-12 of its size; of very many degrees of freedom rounding leaves less: of a million, 1e-9
     * @throws IllegalArgumentException if the probability or the degrees of freedom are outside of their range, or not a number
     */
    public static double quantile(double probability, double degreesOfFreedom) {
        if (!(probability > 0.5 && probability < 1 && degreesOfFreedom > 0 && Double.isFinite(degreesOfFreedom))) {
            throw new IllegalArgumentException(
                    "Student's t has quantiles here for probabilities above 0.5 and below 1, and"
                            + " finite degrees of freedom above 0, not for " + probability + " and "
                            + degreesOfFreedom);
        }
        double high = 1;
        while (isBelow(high, probability, degreesOfFreedom)) {
            high *= 2;
        }
        double low = high / 2;
        while (!isBelow(low, probability, degreesOfFreedom)) {
            high = low;
            low /= 2;
        }
        while (high - low > RELATIVE * high) {
            double middle = (low + high) / 2;
            if (isBelow(middle, probability, degreesOfFreedom)) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return (low + high) / 2;
    }

    private static boolean isBelow(double t, double probability, double freedom) {
        double square = t * t;
        // Of the middle and the tails, the smaller one keeps its digits.
        return probability < 0.75
                ? RegularizedBeta.value(square / (freedom + square), 0.5, freedom / 2) < 2 * probability - 1
                : RegularizedBeta.value(freedom / (freedom + square), freedom / 2, 0.5) > 2 * (1 - probability);
    }
}
