package io.modscan.metrics.selectivity;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import java.util.List;

/** What a {@linkplain UnitStatistic statistic} gives for every unit and label. Immutable; safe for use by many threads. */
public final class UnitValues extends UnitTable<UnitValue> {

    private final String name;
    private final double[] values;

    UnitValues(String name, List<Site> sites, Labels labels, double[] values) {
        super(sites, labels);
        this.name = name;
        this.values = values;
    }

    /**
     * What was measured.
     *
     * @return the statistic's name
     */
    public String name() {
        return name;
    }

    /**
     * The units of the highest values for a label.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @return at most n rows, as {@link #highest} orders them
     * @throws ModscanException         if there is no such label; the message lists them
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitValue> top(String label, int n) {
        return highest(label, n, UnitValue::value);
    }

    @Override
    UnitValue row(int row) {
        return new UnitValue(unit(row), labelOf(row), values[row]);
    }
}
