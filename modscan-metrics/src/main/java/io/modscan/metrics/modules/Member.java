package io.modscan.metrics.modules;

import io.modscan.core.site.Unit;
import java.util.Locale;

/**
 * A unit and how sure its place in a module is.
 *
 * @param unit      the unit
 * @param certainty over the prompts as they are: the share of searches, which begin at other places and end in partitions that are
 *                  about as good, in which the unit is in this module (in that group which is most like the module), in [0, 1]. It is at
 *                  least 0.8 for a member of a module; a unit on the border has less, or does not follow the others of its group
 * @param stability over other prompts: the share of halves of the prompts, each searched by itself, in which the unit is in that group
 *                  which is most like the module, in [0, 1]; NaN without halves
 */
public record Member(Unit unit, double certainty, double stability) {

    /**
     * A line to read, numbers rounded.
     *
     * @return the unit and the numbers
     */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s, certainty %.2f%s",
                unit,
                certainty,
                Double.isNaN(stability) ? "" : String.format(Locale.ROOT, ", stability %.2f", stability));
    }
}
