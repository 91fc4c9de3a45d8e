package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.nio.FloatBuffer;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * Which coordinates dominate the norm of a site's vectors, and their mean cosine. In many transformers a few coordinates are so large
 * that every cosine is near 1 and tells of them alone. Immutable; safe for use by many threads.
 *
 * <p>Of the n vectors x, one a prompt or a token as for a {@link Basis}, and their directions u = x / |x|, each coordinate j has
 * <ul>
 * <li>the share Σx<sub>j</sub>² / Σ|x|² of the squared norms, in [0, 1]; the shares of all coordinates sum up to 1; long vectors weigh more
 * than short ones;
 * <li>the part of the mean cosine over all pairs of different vectors that it makes up, ((Σu<sub>j</sub>)² − Σu<sub>j</sub>²) / (n(n − 1)),
 * in [−1/(n − 1), 1]; the parts of all coordinates sum up to the mean cosine.
 * </ul>
 * Vectors without a direction (all zeros, or with a NaN or infinite value) are left out and {@linkplain #leftOut() counted}. Without a
 * vector shares are NaN, without a pair cosines are. Sums run in double precision, in which squares of float32 values neither
 * overflow nor underflow.
 *
 * <p>{@link #find()} takes one site, pooled or not. Where it has heads, a vector is all of them, one behind the other;
 * {@link Metric#perHead()} looks at each head by itself. It takes O(n·d) time and 24·d bytes for d coordinates. It throws as the fit of a
 * {@link Basis} does.
 *
 * <p>{@link #without} is a view in which any metric works. So the mean cosine without the two brightest is
 * {@code site.measure(BrightDimensions.find().through(bright.without(2))).meanCosine()}; for that a second pass is needed, since without them all
 * directions change.
 *
 * <p>Source: Timkey and van Schijndel, "All bark and no bite: rogue dimensions in transformer language models obscure representational
 * quality", 2021 (<a href="https://doi.org/10.18653/v1/2021.emnlp-main.372">doi:10.18653/v1/2021.emnlp-main.372</a>).
 */
public final class BrightDimensions {

    private final Site site;
    private final long samples;
    private final long leftOut;
    private final List<Dimension> dimensions;

    /**
     * One coordinate of a site.
     *
     * @param unit      which
     * @param normShare the share of all squared norms that it carries
     * @param cosine    the part of the mean cosine that it makes up
     */
    public record Dimension(Unit unit, double normShare, double cosine) {

        /**
         * A line to read, numbers rounded.
         *
         * @return the unit and the numbers
         */
        @Override
        public String toString() {
            return unit
                    + String.format(
                            Locale.ROOT, ": %.4f of the squared norms, %.4f of the mean cosine", normShare, cosine);
        }
    }

    BrightDimensions(Site site, long samples, long leftOut, double[] normShares, double[] cosines) {
        this.site = site;
        this.samples = samples;
        this.leftOut = leftOut;
        this.dimensions = IntStream.range(0, site.width())
                .mapToObj(i -> new Dimension(Unit.of(site, i), normShares[i], cosines[i]))
                .toList();
    }

    /**
     * Looks for the dimensions that dominate a site.
     *
     * @return a metric of one site
     */
    public static Metric<BrightDimensions> find() {
        return Metric.of(Directions::new, Directions::add, Directions::merge, Directions::dimensions);
    }

    /**
     * The site that was measured.
     *
     * @return the site
     */
    public Site site() {
        return site;
    }

    /**
     * The number of vectors that were measured.
     *
     * @return n, without those left out
     */
    public long samples() {
        return samples;
    }

    /**
     * The number of vectors that have no direction.
     *
     * @return how many were left out
     */
    public long leftOut() {
        return leftOut;
    }

    /**
     * All coordinates.
     *
     * @return one entry each, in the order of a vector; unmodifiable
     */
    public List<Dimension> dimensions() {
        return dimensions;
    }

    /**
     * The coordinates that carry most of the norm.
     *
     * @param k how many are wanted
     * @return at most k, from the largest share of the norm down, first come among equals
     * @throws IllegalArgumentException if k is negative
     */
    public List<Dimension> top(int k) {
        return first(k, Comparator.comparingDouble(dimension -> -dimension.normShare()));
    }

    /**
     * The coordinates that make up most of the mean cosine.
     *
     * @param k how many are wanted
     * @return at most k, from the largest part of the cosine down, first come among equals
     * @throws IllegalArgumentException if k is negative
     */
    public List<Dimension> topByCosine(int k) {
        return first(k, Comparator.comparingDouble(dimension -> -dimension.cosine()));
    }

    private List<Dimension> first(int k, Comparator<Dimension> order) {
        return dimensions.stream().sorted(order).limit(k).toList();
    }

    /**
     * The share of the squared norms that the {@linkplain #top top} coordinates carry together.
     *
     * @param k how many
     * @return their share, in [0, 1] up to rounding; NaN without a vector
     * @throws IllegalArgumentException if k is negative
     */
    public double normShare(int k) {
        return samples == 0
                ? Double.NaN
                : top(k).stream().mapToDouble(Dimension::normShare).sum();
    }

    /**
     * The mean cosine between two different vectors.
     *
     * @return the mean over all pairs, in [−1, 1]; NaN without a pair
     */
    public double meanCosine() {
        double sum = dimensions.stream().mapToDouble(Dimension::cosine).sum();
        return Math.max(-1, Math.min(1, sum));
    }

    /**
     * A view of the site without its brightest coordinates: 0 takes the place of the {@linkplain #top top} ones, so that the others keep
     * their indices and heads. The site is named like {@code blocks.2.hook_resid_post[without 3]}; other sites stay as they are.
     *
     * @param k how many coordinates go
     * @return a view, which throws a {@link io.modscan.core.error.ModscanException} if the site isn't there, or there with other axes
     * @throws IllegalArgumentException if k is negative or above the number of coordinates
     */
    public UnaryOperator<Activations> without(int k) {
        if (k < 0 || k > dimensions.size()) {
            throw new IllegalArgumentException(
                    site + " has " + dimensions.size() + " coordinates, of which " + k + " cannot be left out");
        }
        int[] gone =
                top(k).stream().mapToInt(dimension -> dimension.unit().inSite()).toArray();
        Site rest = SiteViews.renamed(site, "[without " + k + "]");
        return activations ->
                SiteViews.replace(activations, "what is left out", site, from -> darkened(from, rest, gone));
    }

    private static SiteActivations darkened(SiteActivations from, Site to, int[] gone) {
        return from.derived(to, from.pooling(), prompt -> {
            FloatBuffer row = from.row(prompt);
            float[] values = new float[row.capacity()];
            row.get(values);
            for (int at = 0; at < values.length; at += to.width()) {
                for (int index : gone) {
                    values[at + index] = 0;
                }
            }
            return values;
        });
    }

    @Override
    public String toString() {
        return "BrightDimensions[" + site + ", mean cosine " + meanCosine() + ", brightest " + top(3) + "]";
    }
}
