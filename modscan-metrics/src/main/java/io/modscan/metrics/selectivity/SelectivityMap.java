package io.modscan.metrics.selectivity;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How every unit responds to every label: one {@linkplain UnitSelectivity row} for each pair. Rows are made when asked for;
 * what is kept is 40 bytes each. Immutable; safe for use by many threads.
 */
public final class SelectivityMap {

    private final List<Site> sites;
    /** The index of each site's first unit, and behind them the number of units. */
    private final int[] firstUnits;

    private final Labels labels;
    private final double[] meanIn;
    private final double[] meanOut;
    private final double[] auroc;
    private final double[] p;
    private final double[] q;

    /** The columns hold a value for each unit and label, labels varying fastest. */
    SelectivityMap(
            List<Site> sites,
            Labels labels,
            double[] meanIn,
            double[] meanOut,
            double[] auroc,
            double[] p,
            double[] q) {
        this.sites = sites;
        this.firstUnits = firstUnits(sites);
        this.labels = labels;
        this.meanIn = meanIn;
        this.meanOut = meanOut;
        this.auroc = auroc;
        this.p = p;
        this.q = q;
    }

    private static int[] firstUnits(List<Site> sites) {
        int[] firsts = new int[sites.size() + 1];
        for (int i = 0; i < sites.size(); i++) {
            firsts[i + 1] = firsts[i] + sites.get(i).width();
        }
        return firsts;
    }

    /**
     * The labels.
     *
     * @return their names, in natural order; at least two
     */
    public List<String> labels() {
        return labels.names();
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
        return p.length;
    }

    /**
     * How many prompts have a label.
     *
     * @param label one of the labels
     * @return the number of prompts "in"; the others are "out"
     * @throws ModscanException if there is no such label; the message lists them
     */
    public long prompts(String label) {
        return labels.count(labels.index(label));
    }

    /**
     * All rows.
     *
     * @return a stream in order of sites, then units, then labels
     */
    public Stream<UnitSelectivity> rows() {
        return IntStream.range(0, size()).mapToObj(this::row);
    }

    /**
     * One row.
     *
     * @param site  one of the sites
     * @param unit  the index of the unit among all of the site: at a site with heads, head × units of a head + unit
     * @param label one of the labels
     * @return the row
     * @throws ModscanException          if the site was not measured or there is no such label; the message lists them
     * @throws IndexOutOfBoundsException if the site has no such unit
     */
    public UnitSelectivity get(Site site, int unit, String label) {
        int index = sites.indexOf(site);
        if (index < 0) {
            throw new ModscanException("'" + site + "' was not measured; measured were " + sites);
        }
        return row((firstUnits[index] + Objects.checkIndex(unit, site.width())) * labels.size() + labels.index(label));
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
     *     {@link #rows()}. Units with NaN are passed over
     * @throws ModscanException         if there is no such label; the message lists them
     * @throws IllegalArgumentException if n is negative
     */
    public List<UnitSelectivity> top(String label, int n, SiteSelector which) {
        int column = labels.index(label);
        Comparator<Integer> highest = Comparator.comparingDouble((Integer row) -> -auroc[row])
                .thenComparingDouble(row -> p[row])
                .thenComparingInt(row -> row);
        return IntStream.range(0, sites.size())
                .filter(site -> which.selects(sites.get(site)))
                .flatMap(site -> IntStream.range(firstUnits[site], firstUnits[site + 1]))
                .map(unit -> unit * labels.size() + column)
                .filter(row -> !Double.isNaN(auroc[row]))
                .boxed()
                .sorted(highest)
                .limit(n)
                .map(this::row)
                .toList();
    }

    /**
     * How many rows pass a test, such as {@code row -> row.q() <= 0.05}.
     *
     * @param test the test
     * @return the number of rows for which it holds; comparisons with NaN don't
     */
    public long count(Predicate<? super UnitSelectivity> test) {
        return rows().filter(test).count();
    }

    private UnitSelectivity row(int row) {
        int unit = row / labels.size();
        int index = Arrays.binarySearch(firstUnits, unit);
        // Between two firsts the search gives −(the later one) − 1.
        int siteIndex = index >= 0 ? index : -index - 2;
        Site site = sites.get(siteIndex);
        int inSite = unit - firstUnits[siteIndex];
        int units = Math.max(1, site.units());
        return new UnitSelectivity(
                site,
                site.heads() > 0 ? OptionalInt.of(inSite / units) : OptionalInt.empty(),
                site.units() > 0 ? OptionalInt.of(inSite % units) : OptionalInt.empty(),
                labels.names().get(row % labels.size()),
                meanIn[row],
                meanOut[row],
                selectivityIndex(meanIn[row], meanOut[row]),
                auroc[row],
                p[row],
                q[row]);
    }

    private static double selectivityIndex(double in, double out) {
        return in == 0 && out == 0 ? 0 : (in - out) / (Math.abs(in) + Math.abs(out));
    }

    @Override
    public String toString() {
        return "SelectivityMap[" + firstUnits[sites.size()] + " units of " + sites.size() + " sites, labels " + labels()
                + "]";
    }
}
