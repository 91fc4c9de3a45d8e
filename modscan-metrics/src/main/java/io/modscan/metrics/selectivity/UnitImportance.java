package io.modscan.metrics.selectivity;

import io.modscan.core.site.Site;
import java.util.Locale;
import java.util.OptionalInt;

/**
 * How important one unit is for one label.
 *
 * @param site  where the unit is
 * @param head  the head that it belongs to, or is; empty at a site without heads
 * @param unit  its index along the axis of units (of its head, where there are heads); empty at a site without that axis
 * @param label the label
 * @param in    its importance on the tokens of prompts with the label
 * @param out   its importance on the tokens of all other prompts
 */
public record UnitImportance(
        Site site, OptionalInt head, OptionalInt unit, String label, ImportanceScores in, ImportanceScores out) {

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
        return UnitTable.place(site, head, unit, label)
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
