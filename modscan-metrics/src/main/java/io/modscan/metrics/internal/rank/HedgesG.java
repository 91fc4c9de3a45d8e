package io.modscan.metrics.internal.rank;

import org.apache.commons.numbers.gamma.GammaRatio;

/** The standardised difference of two means, without the bias of small samples, for samples of two given sizes. */
public final class HedgesG {

    private final double freedom;
    private final double correction;

    public HedgesG(double first, double second) {
        this.freedom = first >= 1 && second >= 1 ? first + second - 2 : 0;
        this.correction = freedom >= 2 ? correction(freedom) : Double.NaN;
    }

    /** Γ(ν/2) / (√(ν/2) · Γ((ν − 1)/2)). */
    public static double correction(double freedom) {
        return 1 / (Math.sqrt(freedom / 2) * GammaRatio.delta((freedom - 1) / 2, 0.5));
    }

    /**
     * The effect size.
     *
     * @param difference the first mean less the second
     * @param squares    the sum of squared deviations from both means
     */
    public double of(double difference, double squares) {
        if (Double.isNaN(correction)) {
            return Double.NaN;
        }
        if (squares == 0) {
            return difference == 0 ? 0 : difference * Double.POSITIVE_INFINITY;
        }
        return correction * difference / Math.sqrt(squares / freedom);
    }
}
