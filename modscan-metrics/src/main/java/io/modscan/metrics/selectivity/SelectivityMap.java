package io.modscan.metrics.selectivity;

import io.modscan.core.NonFinite;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Unit;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * How every unit responds to every label: one {@linkplain UnitSelectivity row} for each pair. Rows are made when asked for;
 * what is kept is 48 bytes each (56 of a {@linkplain Selectivity#sketched sketched} measurement) and 16 bytes a unit.
 * Immutable; safe for use by many threads.
 */
public final class SelectivityMap extends UnitTable<UnitSelectivity> {

    private final SelectivityColumns columns;
    private final double[] q;
    private final double[] kruskalQ;
    private final List<NonFinite> nonFinite;

    SelectivityMap(List<Site> sites, Labels labels, SelectivityColumns columns, List<NonFinite> nonFinite) {
        super(sites, labels);
        this.columns = columns;
        this.q = BenjaminiHochberg.adjust(columns.p);
        this.kruskalQ = BenjaminiHochberg.adjust(columns.kruskalP);
        this.nonFinite = List.copyOf(nonFinite);
    }

    /**
     * Where values are NaN or infinite. Their units have no numbers: that nothing was found of these is no finding.
     *
     * @return one entry for each site with such a value; empty if all are finite
     */
    public List<NonFinite> nonFinite() {
        return nonFinite;
    }

    /**
     * In how many prompts a unit's value is NaN or infinite.
     *
     * @param unit one of the units
     * @return 0 for a unit that was measured as a whole
     * @throws ModscanException if the unit's site was not measured; the message lists those that were
     */
    public int nonFinite(Unit unit) {
        indexOf(unit.site());
        return nonFinite.stream()
                .filter(found -> found.site().equals(unit.site()))
                .mapToInt(found -> found.prompts(unit))
                .sum();
    }

    /**
     * How many units were not measured: they have NaN in all numbers, for every label, since a value is NaN or
     * infinite.
     *
     * @param which which of the measured sites count, such as {@code Sites.mlpPost()}
     * @return how many of their units
     */
    public long notMeasured(SiteSelector which) {
        return IntStream.range(0, sites().size())
                .filter(site -> which.reads(sites().get(site)))
                .flatMap(site -> rowsOf(labels().get(0), site))
                .filter(row ->
                        IntStream.range(row, row + labels().size()).allMatch(each -> Double.isNaN(columns.p[each])))
                .count();
    }

    /**
     * The units that respond most to a label, of all sites.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @return at most n rows, as {@link #top(String, int, SiteSelector)} orders them
     * @throws ModscanException         if there is no such label; the message lists them
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitSelectivity> top(String label, int n) {
        return top(label, n, site -> true);
    }

    /**
     * The units of some sites that respond most to a label. Being at the top says that a unit is the best of many; whether
     * that is more than chance, its q-value says.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @param which which of the measured sites count, such as {@code Sites.mlpPost()}
     * @return at most n rows: those of the highest AUROC; among equals, of the smallest p; among those, first come in
     *     {@link #rows()}. Units with NaN are passed over; {@link #notMeasured} counts them
     * @throws ModscanException         if there is no such label; the message lists them
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitSelectivity> top(String label, int n, SiteSelector which) {
        return first(label, n, which, row -> -columns.auroc[row]);
    }

    /**
     * The units that go darkest for a label, of all sites.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @return at most n rows, as {@link #bottom(String, int, SiteSelector)} orders them
     * @throws ModscanException         if there is no such label; the message lists them
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitSelectivity> bottom(String label, int n) {
        return bottom(label, n, site -> true);
    }

    /**
     * The units of some sites that go darkest for a label.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @param which which of the measured sites count, such as {@code Sites.mlpPost()}
     * @return at most n rows: those of the lowest AUROC; among equals, of the smallest p; among those, first come in
     *     {@link #rows()}. Units with NaN are passed over
     * @throws ModscanException         if there is no such label; the message lists them
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitSelectivity> bottom(String label, int n, SiteSelector which) {
        return first(label, n, which, row -> columns.auroc[row]);
    }

    private List<UnitSelectivity> first(String label, int n, SiteSelector which, IntToDoubleFunction by) {
        Comparator<Integer> order = Comparator.comparingDouble(by::applyAsDouble)
                .thenComparingDouble((Integer row) -> columns.p[row])
                .thenComparingInt(row -> row);
        return IntStream.range(0, sites().size())
                .filter(site -> which.reads(sites().get(site)))
                .flatMap(site -> rowsOf(label, site))
                .filter(row -> !Double.isNaN(columns.auroc[row]))
                .boxed()
                .sorted(order)
                .limit(n)
                .map(this::row)
                .toList();
    }

    double auroc(int row) {
        return columns.auroc[row];
    }

    @Override
    UnitSelectivity row(int row) {
        double in = columns.meanIn[row];
        double out = columns.meanOut[row];
        return new UnitSelectivity(
                unit(row),
                labelOf(row),
                in,
                out,
                in == 0 && out == 0 ? 0 : (in - out) / (Math.abs(in) + Math.abs(out)),
                columns.hedgesG[row],
                columns.auroc[row],
                columns.aurocError.length == 0 ? 0 : columns.aurocError[row],
                columns.p[row],
                q[row],
                columns.kruskalP[unitOf(row)],
                kruskalQ[unitOf(row)]);
    }
}
