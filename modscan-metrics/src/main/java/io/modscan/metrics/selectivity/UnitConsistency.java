package io.modscan.metrics.selectivity;

import io.modscan.core.site.Unit;
import java.util.Locale;

/**
 * How one unit responds to one label in either half of the prompts. A unit with a NaN value has NaN in all numbers of that
 * half.
 *
 * @param unit          the unit
 * @param label         the label
 * @param firstAuroc    the {@linkplain UnitSelectivity#auroc() AUROC} in the first half
 * @param secondAuroc   the AUROC in the second half
 * @param firstHedgesG  {@linkplain UnitSelectivity#hedgesG() Hedges' g} in the first half
 * @param secondHedgesG Hedges' g in the second half
 * @param firstP        the {@linkplain UnitSelectivity#p() p-value} in the first half
 * @param secondP       the p-value in the second half
 */
public record UnitConsistency(
        Unit unit,
        String label,
        double firstAuroc,
        double secondAuroc,
        double firstHedgesG,
        double secondHedgesG,
        double firstP,
        double secondP) {

    /**
     * Whether the unit responds to the label in the same direction in both halves.
     *
     * @return whether both AUROCs are above 0.5, or both below
     */
    public boolean agrees() {
        return (firstAuroc > 0.5 && secondAuroc > 0.5) || (firstAuroc < 0.5 && secondAuroc < 0.5);
    }

    /**
     * Whether the response shows in both halves: one half is what the other has yet to confirm.
     *
     * @param level the largest p-value that passes; a unit that tells nothing passes with a chance of level² / 2
     * @return whether the halves {@linkplain #agrees() agree} and neither p-value is larger
     */
    public boolean holds(double level) {
        return agrees() && firstP <= level && secondP <= level;
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return the unit, the label and the numbers
     */
    @Override
    public String toString() {
        return unit + ", " + label
                + String.format(
                        Locale.ROOT,
                        ": AUROC %.3f and %.3f, g %.3g and %.3g, p %.2g and %.2g",
                        firstAuroc,
                        secondAuroc,
                        firstHedgesG,
                        secondHedgesG,
                        firstP,
                        secondP);
    }
}
