package io.modscan.metrics.selectivity;

import io.modscan.core.site.Unit;
import java.util.Locale;

/**
 * How important one unit is for one label.
 *
 * @param unit  the unit
 * @param label the label
 * @param in    its importance on the tokens of prompts with the label
 * @param out   its importance on the tokens of all other prompts
 */
public record UnitImportance(Unit unit, String label, ImportanceScores in, ImportanceScores out) {

    /**
     * How much more important the unit is for the label than for others, measure by measure: in / (out + ε), where ε is
     * {@link ImportanceScores#SHARE_EPSILON} for the share and {@link ImportanceScores#EPSILON} for the others, as in the
     * paper's code. Of a unit whose values are of the order of ε or less, the ratio says nothing.
     *
     * @return the ratios, at least 0
     */
    public ImportanceScores ratio() {
        return in.over(out);
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
                        ": active %.3f against %.3f, mean absolute %.4g against %.4g, RMS %.4g against %.4g,"
                                + " deviation %.4g against %.4g",
                        in.shareActive(),
                        out.shareActive(),
                        in.meanAbsolute(),
                        out.meanAbsolute(),
                        in.rms(),
                        out.rms(),
                        in.deviation(),
                        out.deviation());
    }
}
