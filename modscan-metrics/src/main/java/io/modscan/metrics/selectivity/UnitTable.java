package io.modscan.metrics.selectivity;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A row for each unit of some sites and each label. Rows are made when asked for; what is kept is columns of numbers.
 * Immutable; safe for use by many threads.
 *
 * @param <R> a row
 */
public abstract class UnitTable<R> {

    private final List<Site> sites;
    /** The index of each site's first unit, and behind them the number of units. */
    private final int[] firstUnits;

    private final Labels labels;

    /** Units that were asked for, each of which stands in as many rows as there are labels. */
    private final @Nullable Unit[] named;

    UnitTable(List<Site> sites, Labels labels) {
        this.sites = List.copyOf(sites);
        this.firstUnits = new int[sites.size() + 1];
        for (int i = 0; i < sites.size(); i++) {
            firstUnits[i + 1] = firstUnits[i] + sites.get(i).width();
        }
        this.labels = labels;
        this.named = new Unit[firstUnits[sites.size()]];
    }

    /** The number of rows that there will be, if one table holds them. */
    static int rows(List<Site> sites, Labels labels) {
        long rows = sites.stream().mapToLong(Site::width).sum() * labels.size();
        if (rows > Integer.MAX_VALUE) {
            throw new ModscanException("units × labels are " + rows + ", and one result holds at most "
                    + Integer.MAX_VALUE + ": measure the sites in several runs");
        }
        return (int) rows;
    }

    /**
     * The labels.
     *
     * @return their names, in natural order; at least two
     */
    public final List<String> labels() {
        return labels.names();
    }

    /**
     * The sites.
     *
     * @return the sites, in the order of the activations
     */
    public final List<Site> sites() {
        return sites;
    }

    /**
     * The number of rows.
     *
     * @return units of all sites × labels
     */
    public final int size() {
        return units() * labels.size();
    }

    final int units() {
        return firstUnits[sites.size()];
    }

    /**
     * How many prompts have a label.
     *
     * @param label one of the labels
     * @return the number of prompts "in"; the others are "out"
     * @throws ModscanException if there is no such label; the message lists them
     */
    public final long prompts(String label) {
        return labels.count(labels.index(label));
    }

    /**
     * All rows.
     *
     * @return a stream in order of sites, then units, then labels
     */
    public final Stream<R> rows() {
        return IntStream.range(0, size()).mapToObj(this::row);
    }

    /**
     * The rows of one site.
     *
     * @param site one of {@link #sites}
     * @return a stream in order of units, then labels
     * @throws ModscanException if the site was not measured; the message lists those that were
     */
    public final Stream<R> rows(Site site) {
        int index = indexOf(site);
        return IntStream.range(firstUnits[index] * labels.size(), firstUnits[index + 1] * labels.size())
                .mapToObj(this::row);
    }

    /**
     * One row.
     *
     * @param unit  one of the units, such as {@code Unit.of(site, 5)}
     * @param label one of the labels
     * @return the row
     * @throws ModscanException if the unit's site was not measured or there is no such label; the message lists them
     */
    public final R get(Unit unit, String label) {
        int index = indexOf(unit.site());
        return row((firstUnits[index] + unit.inSite()) * labels.size() + labels.index(label));
    }

    final int indexOf(Site site) {
        int index = sites.indexOf(site);
        if (index < 0) {
            throw new ModscanException("'" + site + "' was not measured; measured were " + sites);
        }
        return index;
    }

    /**
     * How many rows pass a test, such as {@code row -> row.q() <= 0.05}.
     *
     * @param test the test
     * @return the number of rows for which it holds; comparisons with NaN don't
     */
    public final long count(Predicate<? super R> test) {
        return rows().filter(test).count();
    }

    /**
     * How many rows of a label pass a test.
     *
     * @param label one of the labels
     * @param test  the test
     * @return the number of rows of that label for which it holds
     * @throws ModscanException if there is no such label; the message lists them
     */
    public final long count(String label, Predicate<? super R> test) {
        return rowsOf(label).mapToObj(this::row).filter(test).count();
    }

    /**
     * The units that have the highest number of some kind for a label.
     *
     * @param label one of the labels
     * @param n     how many are wanted
     * @param by    the number
     * @return at most n rows, highest first; among equals, first come in {@link #rows()}. Units of which the number is NaN
     *     are passed over
     * @throws ModscanException         if there is no such label; the message lists them
     * @throws IllegalArgumentException if n is negative
     */
    public final List<R> highest(String label, int n, ToDoubleFunction<? super R> by) {
        int[] rows = rowsOf(label).toArray();
        double[] numbers = Arrays.stream(rows)
                .mapToObj(this::row)
                .mapToDouble(by)
                .map(number -> -number)
                .toArray();
        return IntStream.range(0, rows.length)
                .filter(i -> !Double.isNaN(numbers[i]))
                .boxed()
                .sorted(Comparator.comparingDouble(i -> numbers[i]))
                .limit(n)
                .map(i -> row(rows[i]))
                .toList();
    }

    /** The indices of a label's rows, over all sites. */
    final IntStream rowsOf(String label) {
        int column = labels.index(label);
        return IntStream.range(0, units()).map(unit -> unit * labels.size() + column);
    }

    /** The indices of a label's rows at one site. */
    final IntStream rowsOf(String label, int site) {
        int column = labels.index(label);
        return IntStream.range(firstUnits[site], firstUnits[site + 1]).map(unit -> unit * labels.size() + column);
    }

    abstract R row(int row);

    final int unitOf(int row) {
        return row / labels.size();
    }

    final Unit unit(int row) {
        int index = unitOf(row);
        Unit unit = named[index];
        if (unit == null) {
            unit = unitAt(index);
            // Two threads may both do so, and then name it alike.
            named[index] = unit;
        }
        return unit;
    }

    private Unit unitAt(int unit) {
        int index = Arrays.binarySearch(firstUnits, unit);
        // Between two firsts the search gives −(the later one) − 1.
        int site = index >= 0 ? index : -index - 2;
        return Unit.of(sites.get(site), unit - firstUnits[site]);
    }

    final String labelOf(int row) {
        return labels.names().get(row % labels.size());
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + "[" + units() + " units of " + sites.size() + " sites, labels " + labels()
                + "]";
    }
}
