package io.modscan.metrics.selectivity;

/**
 * How important a unit is on some tokens, by four measures; or the ratios of two such scores.
 *
 * @param shareActive  on which share of the tokens it fires: its value is above the threshold
 * @param meanAbsolute the mean of its absolute value
 * @param rms          the root of the mean of its square
 * @param deviation    its standard deviation, with n below the fraction
 */
public record ImportanceScores(double shareActive, double meanAbsolute, double rms, double deviation) {

    /** What keeps the ratio of shares finite: 0.001. */
    public static final double SHARE_EPSILON = 1e-3;

    /** What keeps the other ratios finite: 0.000001. */
    public static final double EPSILON = 1e-6;

    ImportanceScores over(ImportanceScores other) {
        return new ImportanceScores(
                shareActive / (other.shareActive + SHARE_EPSILON),
                meanAbsolute / (other.meanAbsolute + EPSILON),
                rms / (other.rms + EPSILON),
                deviation / (other.deviation + EPSILON));
    }
}
