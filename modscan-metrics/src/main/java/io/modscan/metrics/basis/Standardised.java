package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.function.UnaryOperator;

/**
 * A site's vectors with each coordinate standardised: (x − mean) / standard deviation, both over the vectors of the fit, and over n, not
 * n − 1. So no coordinate outshines the others in a norm or a cosine, whatever its scale. A coordinate that was the same in all vectors
 * has no scale and becomes 0 everywhere. Immutable; safe for use by many threads.
 *
 * <p>It is fitted as a {@link Basis} is: to one site, with one vector a prompt or a token, heads one behind the other, vectors with a NaN or
 * infinite value left out and counted; with n vectors of d coordinates in O(n·d) time and 24·d bytes. It throws as that does. It is used as one, too: as a
 * view, in which any metric works, such as {@code Cosine.betweenLabels("topic").through(standardised)}. The view puts in place of its site one
 * with the same axes, heads included, named like {@code blocks.2.hook_resid_post[standardised]}. Everything is computed in double
 * precision by the updating formulas of Chan, Golub and LeVeque, 1983
 * (<a href="https://doi.org/10.1080/00031305.1983.10483115">doi:10.1080/00031305.1983.10483115</a>), so a large mean takes no digits from
 * the deviation. A value that is NaN stays NaN (but where the coordinate becomes 0).
 *
 * <p>Source: Timkey and van Schijndel, "All bark and no bite: rogue dimensions in transformer language models obscure representational
 * quality", 2021 (<a href="https://doi.org/10.18653/v1/2021.emnlp-main.372">doi:10.18653/v1/2021.emnlp-main.372</a>).
 */
public final class Standardised implements UnaryOperator<Activations> {

    private final Site site;
    private final Site standardisedSite;
    private final long samples;
    private final long leftOut;
    private final double[] means;
    private final double[] deviations;

    Standardised(Site site, long samples, long leftOut, double[] means, double[] deviations) {
        this.site = site;
        this.standardisedSite = SiteViews.renamed(site, "[standardised]");
        this.samples = samples;
        this.leftOut = leftOut;
        this.means = means;
        this.deviations = deviations;
    }

    /**
     * Fits means and standard deviations.
     *
     * @return a metric of one site
     */
    public static Metric<Standardised> fit() {
        return Metric.of(Deviations::new, Deviations::add, Deviations::merge, Deviations::standardised);
    }

    /**
     * The site that was measured.
     *
     * @return the site that this view replaces
     */
    public Site site() {
        return site;
    }

    /**
     * The number of vectors of the fit.
     *
     * @return n, without those left out
     */
    public long samples() {
        return samples;
    }

    /**
     * The number of vectors that were left out of the fit.
     *
     * @return how many had a NaN or infinite value
     */
    public long leftOut() {
        return leftOut;
    }

    /**
     * The mean of a coordinate.
     *
     * @param i the coordinate's index in a vector
     * @return its mean; NaN if all vectors were left out
     * @throws IndexOutOfBoundsException if there is no such coordinate
     */
    public double mean(int i) {
        return means[i];
    }

    /**
     * The standard deviation of a coordinate.
     *
     * @param i the coordinate's index in a vector
     * @return the root of its mean squared distance from the mean, exactly 0 if it never changed; NaN if all vectors were left out
     * @throws IndexOutOfBoundsException if there is no such coordinate
     */
    public double standardDeviation(int i) {
        return deviations[i];
    }

    /**
     * Activations with this site standardised.
     *
     * @param activations with the {@link #site()} among their sites
     * @return the same prompts with the standardised site in its place
     * @throws io.modscan.core.error.ModscanException if that site isn't there, or there with other axes
     */
    @Override
    public Activations apply(Activations activations) {
        return SiteViews.replace(activations, "the standardisation", site, this::standardised);
    }

    private SiteActivations standardised(SiteActivations from) {
        return from.derived(standardisedSite, from.pooling(), prompt -> {
            FloatBuffer row = from.row(prompt);
            float[] values = new float[row.capacity()];
            for (int at = 0; at < values.length; at++) {
                int i = at % site.width();
                values[at] = deviations[i] == 0 ? 0 : (float) ((row.get(at) - means[i]) / deviations[i]);
            }
            return values;
        });
    }

    @Override
    public String toString() {
        return "Standardised[" + site + ", " + samples + " vectors]";
    }
}
