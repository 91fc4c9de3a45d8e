package io.modscan.metrics.selectivity;

import io.modscan.core.site.Unit;
import java.util.Locale;

/**
 * How one unit responds to one label. A unit with a NaN or infinite value for any prompt has NaN in all numbers, for every
 * label, and is not among the tests that q corrects for.
 *
 * @param unit             the unit
 * @param label            the label
 * @param meanIn           the arithmetic mean of its values over prompts with the label
 * @param meanOut          the same over all other prompts
 * @param selectivityIndex (meanIn − meanOut) / (|meanIn| + |meanOut|), in [−1, 1]; 0 where both means are 0. The index of
 *                         Morcos et al., "On the importance of single directions for generalization", 2018
 *                         (<a href="https://doi.org/10.48550/arXiv.1803.06959">doi:10.48550/arXiv.1803.06959</a>), with
 *                         the absolute values added, which keep it in range for units that take both signs. Where the
 *                         means have opposite signs it is 1 or −1 whatever their size, so for such units (of z, the
 *                         residual stream, neurons before activation) go by the AUROC
 * @param hedgesG          the effect size of Hedges, "Distribution theory for Glass's estimator of effect size and related
 *                         estimators", 1981 (<a href="https://doi.org/10.3102/10769986006002107">doi:10.3102/10769986006002107</a>):
 *                         J · (meanIn − meanOut) / s, where s² = (Σ<sub>in</sub>(x − meanIn)² +
 *                         Σ<sub>out</sub>(x − meanOut)²) / ν with ν = n<sub>in</sub> + n<sub>out</sub> − 2, and
 *                         J = Γ(ν/2) / (√(ν/2) Γ((ν − 1)/2)) takes out the bias of small samples. Where s is 0 it is 0
 *                         for equal means, else ∞ or −∞; NaN for fewer than four prompts, where J is 0 or undefined
 * @param auroc            the area under the receiver operating characteristic: the probability that a prompt with the
 *                         label has a higher value than one without, P(in &gt; out) + P(in = out) / 2, in [0, 1]; 0.5 for
 *                         a unit that tells nothing
 * @param aurocError       how far the AUROC of all values may be from {@code auroc} at most: 0 where it was measured
 *                         exactly, more where {@linkplain Selectivity#sketched sketched}
 * @param p                the two-sided p-value of the rank-sum test of Mann and Whitney, "On a test of whether one of
 *                         two random variables is stochastically larger than the other", 1947
 *                         (<a href="https://doi.org/10.1214/aoms/1177730491">doi:10.1214/aoms/1177730491</a>), in [0, 1],
 *                         equal values sharing the mean of their ranks; 1 if all values are equal, 0 where it is below the
 *                         smallest double. An exact p is twice the smaller tail, at most 1, over all ways to choose as many
 *                         prompts. It is exact if no two values of the unit are equal and the smaller side has at most 8
 *                         prompts; and if some are equal, as long as that takes few steps: for 20 prompts in all, or for
 *                         some 30 values that are all above (or all below) the one that the other prompts share, such as
 *                         those of a neuron behind a ReLU. If one value is that of half of the prompts or more, and the others
 *                         are too many for that, it is exact how many of these fall to the label, and the sum of their ranks,
 *                         given that, is taken as normal unless they are few: near 1e-5, p is then within a few per cent of
 *                         the exact one for values that differ, up to 30 % below it for values of few levels, and above it
 *                         for sides of few prompts. In all other cases p is that of the normal approximation with corrections
 *                         for ties and continuity. For units that are mostly zero, that would call chance a finding: with 13
 *                         values other than zero among 200 prompts, and 20 prompts with the label, it is 1e-5 or less 40
 *                         times as often as it may be. Where {@linkplain Selectivity#sketched sketched}, p is an
 *                         approximation of that kind all the same
 * @param q                the smallest false discovery rate at which this row counts as a discovery, over all units and
 *                         labels of the measurement, in [0, 1], by Benjamini and Hochberg, "Controlling the false
 *                         discovery rate", 1995
 *                         (<a href="https://doi.org/10.1111/j.2517-6161.1995.tb02031.x">doi:10.1111/j.2517-6161.1995.tb02031.x</a>)
 * @param kruskalP         the p-value of the unit over all labels at once, the same in its row for each: the test of Kruskal
 *                         and Wallis, "Use of ranks in one-criterion variance analysis", 1952
 *                         (<a href="https://doi.org/10.1080/01621459.1952.10483441">doi:10.1080/01621459.1952.10483441</a>),
 *                         corrected for ties, by the χ² approximation (rough where labels have fewer than five prompts);
 *                         1 if all values are equal
 * @param kruskalQ         the smallest false discovery rate at which the unit counts as one that tells labels apart, over all
 *                         units of the measurement, as {@code q}
 */
public record UnitSelectivity(
        Unit unit,
        String label,
        double meanIn,
        double meanOut,
        double selectivityIndex,
        double hedgesG,
        double auroc,
        double aurocError,
        double p,
        double q,
        double kruskalP,
        double kruskalQ) {

    /**
     * Whether there is an answer: a unit that was not measured neither lights up nor goes dark, and neither is known of it.
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
                        ": AUROC %.3f, index %.3f, g %.3g, p %.2g, q %.2g, mean %.4g against %.4g",
                        auroc,
                        selectivityIndex,
                        hedgesG,
                        p,
                        q,
                        meanIn,
                        meanOut);
    }
}
