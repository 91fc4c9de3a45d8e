package io.modscan.metrics.tokens;

import io.modscan.core.site.Unit;
import java.util.Locale;

/**
 * How one unit responds to the tokens of one label, against the other tokens of the same prompts. Prompts count in which some tokens have
 * the label and some don't.
 *
 * <p>All numbers are NaN, and the row is not among the tests that q corrects for, if no prompt counts, if the unit has a NaN or infinite value in any prompt,
 * or if position and label cannot be told apart ({@link TokenSelectivity}).
 *
 * @param unit           the unit
 * @param label          the label
 * @param prompts        how many prompts count
 * @param active         in how many of these the unit's values are not all equal; the others say nothing, and are not in the test
 * @param meanDifference the mean over prompts of the mean value at the label's tokens minus the mean at the others, in units of the
 *                       activation, with the positions' part taken out: that of values, found as that of ranks is, over all prompts
 * @param dz             this mean divided by the standard deviation (n − 1) of the prompts' differences, from which nothing is taken out: the standardised effect of paired
 *                       samples, Lakens, "Calculating and reporting effect sizes", 2013
 *                       (<a href="https://doi.org/10.3389/fpsyg.2013.00863">doi:10.3389/fpsyg.2013.00863</a>). Where they don't
 *                       differ it is 0 if they are zero, else ∞ or −∞; NaN for a single prompt
 * @param auroc          the probability that a token with the label has a higher value than another of the same prompt, equal values
 *                       counting half, as a mean over prompts, with the positions' part taken out: ½ for a unit that tells nothing, near 1 for one
 *                       that fires at the label. Silent prompts count ½. Kept in [0, 1], which what is taken out could leave
 * @param rankBiserial   the matched-pairs rank-biserial correlation of Wilcoxon's test over active prompts, in [−1, 1]: the
 *                       rank sum of prompts whose number is above zero less that of those below, divided by both, as in Kerby, "The simple
 *                       difference formula", 2014 (<a href="https://doi.org/10.2466/11.IT.3.1">doi:10.2466/11.IT.3.1</a>); 0 if no prompt is active
 * @param p              the two-sided p-value, over active prompts, of the signed-rank test of Wilcoxon, "Individual comparisons by ranking
 *                       methods", 1945 (<a href="https://doi.org/10.2307/3001968">doi:10.2307/3001968</a>), made larger for
 *                       what taking out the positions costs; 1 if no prompt is active. Of n active prompts none is below 2^(1 − n)
 * @param q              the smallest false discovery rate at which this row counts as a discovery, over all units and labels of
 *                       the measurement, by Benjamini and Hochberg, "Controlling the false discovery rate", 1995
 *                       (<a href="https://doi.org/10.1111/j.2517-6161.1995.tb02031.x">doi:10.1111/j.2517-6161.1995.tb02031.x</a>)
 */
public record UnitTokenSelectivity(
        Unit unit,
        String label,
        int prompts,
        int active,
        double meanDifference,
        double dz,
        double auroc,
        double rankBiserial,
        double p,
        double q) {

    /**
     * Whether there is an answer.
     *
     * @return whether p is a number
     */
    public boolean isMeasured() {
        return !Double.isNaN(p);
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return the unit, the label and the numbers
     */
    @Override
    public String toString() {
        if (!isMeasured()) {
            return unit + ", " + label + ": not measured";
        }
        return unit + ", " + label
                + String.format(
                        Locale.ROOT,
                        ": AUROC %.3f, rank-biserial %.3f, difference %.4g, d_z %.3g, p %.2g, q %.2g, %d of %d prompts",
                        auroc,
                        rankBiserial,
                        meanDifference,
                        dz,
                        p,
                        q,
                        active,
                        prompts);
    }
}
