package io.modscan.metrics.selectivity;

import io.modscan.core.site.Site;
import java.util.OptionalInt;

/**
 * What a {@linkplain UnitStatistic statistic} gives for one unit and one label.
 *
 * @param site  where the unit is
 * @param head  the head that it belongs to, or is; empty at a site without heads
 * @param unit  its index along the axis of units (of its head, where there are heads); empty at a site without that axis
 * @param label the label
 * @param value what the statistic gave
 */
public record UnitValue(Site site, OptionalInt head, OptionalInt unit, String label, double value) {

    /**
     * A line to read.
     *
     * @return the unit, the label and the value
     */
    @Override
    public String toString() {
        return UnitTable.place(site, head, unit, label) + ": " + value;
    }
}
