package io.modscan.metrics.similarity;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import java.util.List;
import java.util.Objects;

/** How alike each site is to each other, over the same prompts: a symmetric matrix. Immutable; safe for use by many threads. */
public final class SiteSimilarity {

    private final String name;
    private final List<Site> sites;
    private final double[][] values;

    SiteSimilarity(String name, List<Site> sites, double[][] values) {
        this.name = name;
        this.sites = List.copyOf(sites);
        this.values = values;
    }

    /**
     * What was measured.
     *
     * @return the measure's name, such as {@code linear CKA}
     */
    public String name() {
        return name;
    }

    /**
     * The sites.
     *
     * @return the sites in the order of rows and columns, which is that in which they were measured
     */
    public List<Site> sites() {
        return sites;
    }

    /**
     * The similarity of two sites, by their indices.
     *
     * @param i a site's index in {@link #sites()}
     * @param j another's, or the same
     * @return the value; for its range, and what NaN means, see the measure
     * @throws IndexOutOfBoundsException if there is no such site
     */
    public double get(int i, int j) {
        return values[Objects.checkIndex(i, sites.size())][Objects.checkIndex(j, sites.size())];
    }

    /**
     * The similarity of two sites.
     *
     * @param a a site
     * @param b another, or the same
     * @return the value; for its range, and what NaN means, see the measure
     * @throws ModscanException if one of them was not measured; the message lists those that were
     */
    public double get(Site a, Site b) {
        return values[index(a)][index(b)];
    }

    private int index(Site site) {
        int index = sites.indexOf(site);
        if (index < 0) {
            throw new ModscanException("'" + site + "' was not measured; measured were " + sites);
        }
        return index;
    }

    @Override
    public String toString() {
        return "SiteSimilarity[" + name + ", " + sites + "]";
    }
}
