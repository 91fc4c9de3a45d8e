package io.modscan.metrics.selectivity;

import io.modscan.core.site.Unit;

/**
 * What a {@linkplain UnitStatistic statistic} gives for one unit and one label.
 *
 * @param unit  the unit
 * @param label the label
 * @param value what the statistic gave
 */
public record UnitValue(Unit unit, String label, double value) {

    /**
     * A line to read.
     *
     * @return the unit, the label and the value
     */
    @Override
    public String toString() {
        return unit + ", " + label + ": " + value;
    }
}
