package io.modscan.metrics.tokens;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Unit;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntToDoubleFunction;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How every unit responds to every label of tokens: one {@linkplain UnitTokenSelectivity row} for each pair. Rows are made when asked for; what
 * is kept is 52 bytes each. Immutable; safe for use by many threads.
 */
public final class TokenSelectivityMap {

    private final List<Site> sites;
    /** The index of each site's first unit, and behind them the number of units. */
    private final int[] firstUnits;

    private final List<String> labels;
    private final Map<String, Integer> prompts;
    private final TokenColumns columns;
    private final double[] q;

    TokenSelectivityMap(List<Site> sites, List<String> labels, Map<String, Integer> prompts, TokenColumns columns) {
        this.sites = List.copyOf(sites);
        this.firstUnits = new int[sites.size() + 1];
        for (int i = 0; i < sites.size(); i++) {
            firstUnits[i + 1] = firstUnits[i] + sites.get(i).width();
        }
        this.labels = labels;
        this.prompts = Map.copyOf(prompts);
        this.columns = columns;
        this.q = BenjaminiHochberg.adjust(columns.p);
    }

    /**
     * The labels.
     *
     * @return their names, in natural order
     */
    public List<String> labels() {
        return labels;
    }

    /**
     * The sites.
     *
     * @return the sites, in the order of the activations
     */
    public List<Site> sites() {
        return sites;
    }

    /**
     * The number of rows.
     *
     * @return units of all sites × labels
     */
    public int size() {
        return q.length;
    }

    /**
     * How many prompts count for a label: some of their tokens have it, and some don't.
     *
     * @param label one of the labels
     * @return their number
     * @throws ModscanException if no token has that label; the message lists the labels
     */
    public int prompts(String label) {
        index(label);
        return Objects.requireNonNull(prompts.get(label));
    }

    /**
     * All rows.
     *
     * @return a stream in order of sites, then units, then labels
     */
    public Stream<UnitTokenSelectivity> rows() {
        return IntStream.range(0, size()).mapToObj(this::row);
    }

    /**
     * One row.
     *
     * @param unit  one of the units, such as {@code Unit.of(site, 5)}
     * @param label one of the labels
     * @return the row
     * @throws ModscanException if the unit's site was not measured or no token has that label; the message lists those that there are
     */
    public UnitTokenSelectivity get(Unit unit, String label) {
        int site = sites.indexOf(unit.site());
        if (site < 0) {
            throw new ModscanException("'" + unit.site() + "' was not measured; measured were " + sites);
        }
        return row((firstUnits[site] + unit.inSite()) * labels.size() + index(label));
    }

    /**
     * How many rows pass a test, such as {@code row -> row.q() <= 0.05}.
     *
     * @param test the test
     * @return the number of rows for which it holds; comparisons with NaN don't
     */
    public long count(Predicate<? super UnitTokenSelectivity> test) {
        return rows().filter(test).count();
    }

    /**
     * How many rows of a label pass a test.
     *
     * @param label one of the labels
     * @param test  the test
     * @return the number of rows of that label for which it holds
     * @throws ModscanException if no token has that label; the message lists the labels
     */
    public long count(String label, Predicate<? super UnitTokenSelectivity> test) {
        return rowsOf(label, site -> true).mapToObj(this::row).filter(test).count();
    }

    /**
     * For how many units there is no answer for a label: nothing was found of these since nothing could be.
     *
     * @param label one of the labels
     * @return how many rows of the label are not {@linkplain UnitTokenSelectivity#isMeasured() measured}
     * @throws ModscanException if no token has that label; the message lists the labels
     */
    public long notMeasured(String label) {
        return rowsOf(label, site -> true)
                .filter(row -> Double.isNaN(columns.p[row]))
                .count();
    }

    /**
     * The units that respond most to a label, of all sites.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @return at most n rows, as {@link #top(String, int, SiteSelector)} orders them
     * @throws ModscanException         if no token has that label; the message lists the labels
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitTokenSelectivity> top(String label, int n) {
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
     *     {@link #rows()}. What was not measured is passed over
     * @throws ModscanException         if no token has that label; the message lists the labels
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitTokenSelectivity> top(String label, int n, SiteSelector which) {
        return first(label, n, which, row -> -columns.auroc[row]);
    }

    /**
     * The units that go darkest at a label, of all sites.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @return at most n rows, as {@link #bottom(String, int, SiteSelector)} orders them
     * @throws ModscanException         if no token has that label; the message lists the labels
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitTokenSelectivity> bottom(String label, int n) {
        return bottom(label, n, site -> true);
    }

    /**
     * The units of some sites that go darkest at a label.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @param which which of the measured sites count, such as {@code Sites.mlpPost()}
     * @return at most n rows: those of the lowest AUROC; among equals, of the smallest p; among those, first come in
     *     {@link #rows()}. What was not measured is passed over
     * @throws ModscanException         if no token has that label; the message lists the labels
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitTokenSelectivity> bottom(String label, int n, SiteSelector which) {
        return first(label, n, which, row -> columns.auroc[row]);
    }

    private List<UnitTokenSelectivity> first(String label, int n, SiteSelector which, IntToDoubleFunction by) {
        Comparator<Integer> order = Comparator.comparingDouble(by::applyAsDouble)
                .thenComparingDouble((Integer row) -> columns.p[row])
                .thenComparingInt(row -> row);
        return rowsOf(label, which)
                .filter(row -> !Double.isNaN(columns.p[row]))
                .boxed()
                .sorted(order)
                .limit(n)
                .map(this::row)
                .toList();
    }

    private IntStream rowsOf(String label, SiteSelector which) {
        int column = index(label);
        return IntStream.range(0, sites.size())
                .filter(site -> which.reads(sites.get(site)))
                .flatMap(site -> IntStream.range(firstUnits[site], firstUnits[site + 1]))
                .map(unit -> unit * labels.size() + column);
    }

    private int index(String label) {
        int index = Collections.binarySearch(labels, label);
        if (index < 0) {
            throw new ModscanException("no token has the label '" + label + "'; the labels are " + labels);
        }
        return index;
    }

    private UnitTokenSelectivity row(int row) {
        int unit = row / labels.size();
        int found = Arrays.binarySearch(firstUnits, unit);
        // Between two firsts the search gives −(the later one) − 1.
        int site = found >= 0 ? found : -found - 2;
        String label = labels.get(row % labels.size());
        return new UnitTokenSelectivity(
                Unit.of(sites.get(site), unit - firstUnits[site]),
                label,
                prompts(label),
                columns.active[row],
                columns.meanDifference[row],
                columns.dz[row],
                columns.auroc[row],
                columns.rankBiserial[row],
                columns.p[row],
                q[row]);
    }

    @Override
    public String toString() {
        return "TokenSelectivityMap[" + firstUnits[sites.size()] + " units of " + sites.size() + " sites, labels "
                + labels + "]";
    }
}
