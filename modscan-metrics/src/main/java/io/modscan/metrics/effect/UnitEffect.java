package io.modscan.metrics.effect;

import io.modscan.core.site.Unit;
import java.util.Locale;

/**
 * What becomes of an outcome of one label's prompts when a unit, or several together, are changed. Effects are paired: each prompt's changed outcome
 * less its untouched one. Effects that are no more than what float32 rounding makes of an outcome (2e-6 of its size, or of 1; 1e-5 of a distance)
 * count as 0 in all tests.
 *
 * @param unit        the unit that was changed; of several, the first
 * @param target      what was changed, by name
 * @param units       how many units
 * @param label       the label
 * @param prompts     how many prompts have it
 * @param sense       which way the outcome goes when a prompt loses what it needs
 * @param untouched   the mean outcome of its untouched prompts; 0 of a distance
 * @param effect      the mean effect over them: of a cost, positive where they need the units, of a score, negative
 * @param low         the lower end of the mean effect's 95 % confidence interval, that of Student's t over prompts (not corrected for how many are looked
 *                    at); NaN for fewer than two prompts
 * @param high        the upper end
 * @param p           the two-sided p-value of Wilcoxon's signed-rank test of these effects, "Individual comparisons by ranking methods", 1945
 *                    (<a href="https://doi.org/10.2307/3001968">doi:10.2307/3001968</a>): that the effect is as often, and as far, above 0 as below. It is exact for few
 *                    prompts, no one prompt decides it, and it gets small enough to hold its own among thousands of units, for which sign flips of the mean would take millions
 *                    of flips each. NaN of a distance, which is never below 0
 * @param q           the smallest false discovery rate at which this row counts as an effect, over all targets and labels (Benjamini and Hochberg, 1995)
 * @param others      the mean effect over all other prompts
 * @param selective   {@code effect − others}: how much more the label needs the units than the others do
 * @param selectiveLow the lower end of the difference's 95 % confidence interval, Welch's; NaN where either side has fewer than two prompts
 * @param selectiveHigh the upper end
 * @param selectiveP  the two-sided p-value of the Mann–Whitney test of the label's effects against those of all other prompts; NaN where there are none
 * @param selectiveQ  the smallest false discovery rate at which this row counts as an effect on this label more, or less, than on others, over all targets and labels
 * @param sets        how many random sets were run beside it
 * @param matched     the mean effect over the label's prompts of as many random units, matched by layer and mean activation; NaN if none were run
 * @param matchedP    the share of random sets, this one counted among them, that do the label as much harm or more, at least 1 / (1 + their number); NaN if none were run
 */
public record UnitEffect(
        Unit unit,
        String target,
        int units,
        String label,
        long prompts,
        Outcome.Sense sense,
        double untouched,
        double effect,
        double low,
        double high,
        double p,
        double q,
        double others,
        double selective,
        double selectiveLow,
        double selectiveHigh,
        double selectiveP,
        double selectiveQ,
        int sets,
        double matched,
        double matchedP) {

    UnitEffect corrected(double newQ, double newSelectiveQ) {
        return new UnitEffect(
                unit,
                target,
                units,
                label,
                prompts,
                sense,
                untouched,
                effect,
                low,
                high,
                p,
                newQ,
                others,
                selective,
                selectiveLow,
                selectiveHigh,
                selectiveP,
                newSelectiveQ,
                sets,
                matched,
                matchedP);
    }

    /**
     * Whether the label's prompts are the worse for it, and more so than the others, at a false discovery rate of 5 % each: they need the units, and more than
     * others do. Of a distance only the second is asked.
     *
     * @return whether effect and {@code selective} do {@linkplain Outcome.Sense#harm harm} and {@code q} and {@code selectiveQ} are at most 0.05
     */
    public boolean isNeeded() {
        boolean sure = q <= 0.05 || sense == Outcome.Sense.DISTANCE;
        return sense.harm(effect) > 0 && sense.harm(selective) > 0 && sure && selectiveQ <= 0.05;
    }

    /**
     * The row in words.
     *
     * @return target, label, effect with its interval, and that on the others
     */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s, %s: %+.3f [%+.3f, %+.3f] (q %.2g), others %+.3f (q %.2g)",
                target,
                label,
                effect,
                low,
                high,
                q,
                others,
                selectiveQ);
    }
}
