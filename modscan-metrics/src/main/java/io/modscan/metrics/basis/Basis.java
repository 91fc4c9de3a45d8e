package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.FittedPrompts;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Site;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * An orthogonal change of coordinates of one site, fitted from activations. Neurons that carry one feature together, or with
 * opposite signs, become one coordinate; what no prompt drives becomes none. Immutable; safe for use by many threads.
 *
 * <p><b>Fitting.</b> {@link #uncentred()}, {@link #centred()}, {@link #whitened()} and {@link #zca()} are metrics of one site. Its
 * vectors x are one a prompt where positions were pooled or there are none, and one a token (all tokens of all prompts
 * weighing the same) where they were kept; {@link Activations#withoutBos()} leaves BOS out. Where the site has heads, a vector is all
 * of them, one behind the other; {@link Metric#perHead()} fits a basis a head. With the mean μ = E[x] over the n vectors and a
 * matrix of second moments with the eigenvalues λ<sub>1</sub> ≥ λ<sub>2</sub> ≥ … and the orthonormal eigenvectors u<sub>i</sub>,
 * the rows of U, the coordinates of x are
 * <table>
 * <caption>Coordinates</caption>
 * <tr><th>kind</th><th>matrix</th><th>coordinates f(x)</th><th>over the data</th></tr>
 * <tr><td>uncentred</td><td>E[x·xᵀ]</td><td>U·x</td><td>E[f·fᵀ] = Λ: orthogonal as functions</td></tr>
 * <tr><td>centred (PCA)</td><td>E[(x − μ)(x − μ)ᵀ]</td><td>U·(x − μ)</td><td>uncorrelated, variances Λ</td></tr>
 * <tr><td>whitened (PCA)</td><td>the same</td><td>Λ<sup>−½</sup>·U·(x − μ)</td><td>uncorrelated, variances 1</td></tr>
 * <tr><td>whitened (ZCA)</td><td>the same</td><td>Uᵀ·Λ<sup>−½</sup>·U·(x − μ)</td>
 * <td>uncorrelated, variances 1, each coordinate as near to the raw one of its index as that allows</td></tr>
 * </table>
 * Moments are over n, not n − 1. An eigenvalue counts where λ &gt; λ<sub>1</sub>·max(n, width)·2<sup>−52</sup>; below that is
 * rounding. The number of those that count is the {@link #rank()}, and only these have components and coordinates (ZCA has the
 * coordinates of the site, and takes the root and its inverse on the span of the components). Of each component the entry of the
 * largest magnitude is positive (the first of them if several are within a millionth of each other), so that the same data
 * give the same components; those of equal eigenvalues are any orthonormal vectors of their span.
 *
 * <p>Vectors with a NaN or an infinite value are left out of the fit and {@linkplain #leftOut() counted}. One vector has no variance, so
 * its centred bases have rank 0; so have constant vectors, and vectors of zeros also in the uncentred one; so has a fit that was left
 * no vector, and then the mean is NaN. float32 values of any magnitude are taken: squares are summed up in double precision, about the
 * mean of the first vectors, so a large mean takes no digits from the variance. A coordinate that never changes has variance 0
 * exactly.
 *
 * <p>The fit takes O(n·d² + d³) time for d coordinates, through the installed {@link io.modscan.core.model.LinearAlgebra},
 * 8·d² bytes outside the heap (inside for d &gt; 4,096) and 16 MiB while it sums up, and about 55·d² bytes of the heap while it decomposes by
 * EJML, as was measured for d = 1,500, however many vectors there are; the basis keeps 8·d bytes a component, twice that if whitened, and
 * 8·d² more for ZCA, 8 bytes a prompt of the fit, and as much as a component's again once {@link #restore} or the like is used; n &lt; d vectors, if no more than max(512, d), take
 * O(n²·d) time and no d × d matrix. At most 46,340 coordinates. Adding activations throws a
 * {@link io.modscan.core.error.ModscanException} if there is not exactly one site, if it has a value for each pair of positions, or if it is
 * another than in the pieces before; so does finishing without any.
 *
 * <p><b>Using.</b> A basis is a view, so that any metric works in it: {@code Selectivity.by("topic").through(basis)}. It replaces its own site
 * by one with the coordinates as units, named like {@code blocks.2.mlp.hook_post[uncentred]}, without heads, at the same prompts and
 * positions, and leaves other sites alone. Activations may be pooled otherwise than those of the fit. {@link #back()} is the way back. A
 * vector with a NaN or infinite value has no finite coordinates. Everything is computed in double precision and rounded to float32.
 *
 * <p><b>The circle.</b> Over the prompts of the fit, coordinates are uncorrelated (uncentred: orthogonal) because they were made so,
 * whatever the layer does; and with few prompts, what they vary by is noise that they were turned to. So how coordinates go together is to be
 * measured on other prompts: {@link #heldOut(Kind, Activations)} does that, and {@link io.modscan.metrics.modules.Modules} and
 * {@link io.modscan.metrics.connections.ParallelUnits} refuse the prompts of the fit. In the population, too, the coordinates of one site are uncorrelated by definition. What correlates on other prompts
 * is what the fit missed, being one of a sample, or what isn't linear, since uncorrelated is not independent. Coordinates of several
 * sites may correlate as they like: no fit has brought them together or kept them apart.
 *
 * <p>Sources: Jolliffe and Cadima, "Principal component analysis: a review and recent developments", 2016
 * (<a href="https://doi.org/10.1098/rsta.2015.0202">doi:10.1098/rsta.2015.0202</a>); Kessy, Lewin and Strimmer, "Optimal whitening and
 * decorrelation", 2018 (<a href="https://doi.org/10.1080/00031305.2016.1277159">doi:10.1080/00031305.2016.1277159</a>).
 */
public final class Basis implements UnaryOperator<Activations> {

    /** What the coordinates of a basis are. */
    public enum Kind {
        /** Orthogonal as functions over the data, with the mean left in. */
        UNCENTRED,
        /** Principal components. */
        CENTRED,
        /** Principal components, each divided by its standard deviation. */
        WHITENED,
        /** The whitened coordinates that are nearest to the raw ones. */
        ZCA;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final Site site;
    private final Site projectedSite;
    private final Kind kind;
    private final long samples;
    private final long leftOut;
    private final double[] mean;
    private final Spectrum spectrum;
    private final BasisMaps maps;
    /** What the site's own coordinates had been fitted to. */
    private final FittedPrompts before;

    private final FittedPrompts prompts;

    Basis(
            Site site,
            Kind kind,
            long samples,
            long leftOut,
            double[] mean,
            Spectrum spectrum,
            FittedPrompts before,
            FittedPrompts prompts) {
        this.site = site;
        this.kind = kind;
        this.samples = samples;
        this.leftOut = leftOut;
        this.mean = mean;
        this.spectrum = spectrum;
        this.maps = new BasisMaps(kind, spectrum, mean);
        this.before = before;
        this.prompts = prompts;
        this.projectedSite = SiteViews.withUnits(site, "[" + kind + "]", Math.max(1, maps.size()));
    }

    /**
     * Fits a basis whose coordinates are orthogonal as functions over the data: E[f·fᵀ] is diagonal.
     *
     * @return a metric of one site
     */
    public static Metric<Basis> uncentred() {
        return fit(Kind.UNCENTRED);
    }

    /**
     * Fits principal components.
     *
     * @return a metric of one site
     */
    public static Metric<Basis> centred() {
        return fit(Kind.CENTRED);
    }

    /**
     * Fits principal components divided by their standard deviations.
     *
     * @return a metric of one site
     */
    public static Metric<Basis> whitened() {
        return fit(Kind.WHITENED);
    }

    /**
     * Fits the whitened coordinates that are nearest to the raw ones.
     *
     * @return a metric of one site
     */
    public static Metric<Basis> zca() {
        return fit(Kind.ZCA);
    }

    /**
     * Fits a basis.
     *
     * @param kind which
     * @return a metric of one site
     */
    public static Metric<Basis> fit(Kind kind) {
        Objects.requireNonNull(kind, "kind");
        return fitted(kind, Integer.MAX_VALUE);
    }

    /**
     * Fits the components of the largest variances only, which takes less time where they are few: the eigenvalues that are wanted are
     * computed by themselves, as exactly as all would be, if {@code modscan-openblas} is on the class path; by other services all are
     * computed, and the rest is dropped. What {@link #rank()}, {@link #size()} and {@link #restore} say is about the components that were
     * kept; shares are of all variance.
     *
     * @param kind which, except ZCA, which takes all components
     * @param most how many components at most, at least 1
     * @return a metric of one site
     * @throws IllegalArgumentException if the number is below 1, or for ZCA
     */
    public static Metric<Basis> fit(Kind kind, int most) {
        Objects.requireNonNull(kind, "kind");
        if (most < 1) {
            throw new IllegalArgumentException("a basis has 1 component at least, not " + most);
        }
        if (kind == Kind.ZCA) {
            throw new IllegalArgumentException(
                    "ZCA takes all components; ask for " + most + " of another kind, such as " + Kind.WHITENED);
        }
        return fitted(kind, most);
    }

    private static Metric<Basis> fitted(Kind kind, int most) {
        return Metric.of(
                SecondMoments::new, SecondMoments::add, SecondMoments::merge, moments -> moments.basis(kind, most));
    }

    /**
     * Half of the prompts in bases that were fitted to the other half: a basis a site. Which half a prompt is in depends on its id, and
     * on those of the others, not on their order, nor on labels.
     *
     * @param kind        which basis
     * @param activations of at least two prompts
     * @return the prompts of the one half, one more if their number is odd, at the same sites in their bases, as {@link #apply} gives
     *     them. A site of which the basis has rank 0 has one coordinate there: 0, or NaN if no vector of the fit was finite
     * @throws ModscanException if there is one prompt only, or as a fit throws
     */
    public static Activations heldOut(Kind kind, Activations activations) {
        return heldOut(kind, activations, 0);
    }

    /**
     * The same with other halves.
     *
     * @param kind        which basis
     * @param activations of at least two prompts
     * @param seed        0 above; each seed makes halves of its own
     * @return see above
     * @throws ModscanException see above
     */
    public static Activations heldOut(Kind kind, Activations activations, long seed) {
        return HeldOut.halved(activations, seed).in(kind);
    }

    /**
     * The same for parts of one's own, such as halves of each label's prompts.
     *
     * @param kind        which basis
     * @param activations of at least two prompts
     * @param fit         holds for the prompts that the bases are fitted to
     * @return the prompts for which it doesn't hold, as above
     * @throws ModscanException if it holds for all or for none, or as a fit throws
     */
    public static Activations heldOut(Kind kind, Activations activations, Predicate<? super Prompt> fit) {
        return HeldOut.of(activations, fit).in(kind);
    }

    /**
     * The site that the basis is of.
     *
     * @return the site that was measured
     */
    public Site site() {
        return site;
    }

    /**
     * The site of the coordinates.
     *
     * @return the site that this view puts in place of {@link #site()}: {@link #size()} units
     * @throws ModscanException if there is no coordinate
     */
    public Site projectedSite() {
        if (size() == 0) {
            throw new ModscanException("the " + kind + " basis of '" + site + "' has rank 0: over the " + samples
                    + " vectors of its fit there is nothing to have coordinates of");
        }
        return projectedSite;
    }

    /**
     * What the coordinates are.
     *
     * @return the kind that was fitted
     */
    public Kind kind() {
        return kind;
    }

    /**
     * The number of vectors that the basis was fitted to.
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
     * The number of components.
     *
     * @return how many eigenvalues are above rounding, from 0 to the lesser of n and the site's width, or to as many as were {@linkplain
     *     #fit(Kind, int) asked for}
     */
    public int rank() {
        return spectrum.rank();
    }

    /**
     * The number of coordinates.
     *
     * @return the site's width for ZCA, else the rank
     */
    public int size() {
        return maps.size();
    }

    /**
     * The mean of the vectors of the fit. All kinds but the uncentred subtract it.
     *
     * @return a copy of μ; NaN if all vectors were left out
     */
    public double[] mean() {
        return mean.clone();
    }

    /**
     * One of the directions that the basis is made of.
     *
     * @param i its index, in order of falling variance
     * @return a copy of the unit vector u<sub>i</sub>, as long as the site's width
     * @throws IndexOutOfBoundsException if the index is not below the rank
     */
    public double[] component(int i) {
        int from = Objects.checkIndex(i, rank()) * site.width();
        return Arrays.copyOfRange(spectrum.vectors(), from, from + site.width());
    }

    /**
     * How much of the vectors lies along a component.
     *
     * @param i its index
     * @return λ<sub>i</sub> &gt; 0: of an uncentred basis, the mean of (u<sub>i</sub>·x)² over the vectors of the fit; of others,
     *     the variance of u<sub>i</sub>·x, for whitened ones too
     * @throws IndexOutOfBoundsException if the index is not below the rank
     */
    public double variance(int i) {
        return spectrum.value(Objects.checkIndex(i, rank()));
    }

    /**
     * The share of all variance (of an uncentred basis, of E[|x|²]) that the first components carry.
     *
     * @param k how many
     * @return the sum of the first k eigenvalues over that of all that count, in [0, 1], or over that of all, if only {@linkplain
     *     #fit(Kind, int) some} were fitted; NaN if the rank is 0
     * @throws IndexOutOfBoundsException if k is negative or above the rank
     */
    public double explainedShare(int k) {
        Objects.checkIndex(k, rank() + 1);
        double rest = spectrum.rest(k);
        double first = 0;
        for (int i = k - 1; i >= 0; i--) {
            first += variance(i);
        }
        return first / (first + rest);
    }

    /**
     * How many components would carry as much, if all carried alike: exp(−Σ p<sub>i</sub> ln p<sub>i</sub>) for the shares
     * p<sub>i</sub> = λ<sub>i</sub> / Σλ. It is the effective rank of the matrix of second moments by Roy and Vetterli, "The effective
     * rank: a measure of effective dimensionality", 15th European Signal Processing Conference, 2007, pp. 606–610.
     *
     * @return from 1 to the rank; NaN if the rank is 0, or if only {@linkplain #fit(Kind, int) some} components were fitted and there are more
     */
    public double effectiveRank() {
        double sum = 0;
        for (int i = rank() - 1; i >= 0; i--) {
            sum += variance(i);
        }
        double entropy = 0;
        for (int i = rank() - 1; i >= 0; i--) {
            double share = variance(i) / sum;
            // A share may underflow where variances are 1e-300 apart.
            entropy -= share > 0 ? share * Math.log(share) : 0;
        }
        return rank() == 0 || !spectrum.isWhole() ? Double.NaN : Math.exp(entropy);
    }

    /**
     * The coordinates of a vector.
     *
     * @param vector x, as long as the site's width
     * @return f(x), {@link #size()} values
     * @throws IllegalArgumentException if the vector has another length
     */
    public float[] project(float[] vector) {
        return maps.projection().of(vector);
    }

    /**
     * The vector of some coordinates, in the raw coordinates of the site. Up to the rounding to float32, {@code restore(project(x))} is x
     * for every x of the span: the components' span for an uncentred basis, μ plus that for others. All vectors of the fit are there. For
     * any other x it is the point of the span that is nearest to x.
     *
     * @param coordinates {@link #size()} values
     * @return a vector as long as the site's width
     * @throws IllegalArgumentException if there are more or fewer coordinates
     */
    public float[] restore(float[] coordinates) {
        return maps.restoration().of(coordinates);
    }

    /**
     * Activations in this basis. They know {@linkplain SiteActivations#fittedTo() which prompts} it was fitted to.
     *
     * @param activations with the {@link #site()} of the basis among their sites
     * @return the same prompts with the {@link #projectedSite()} in its place
     * @throws io.modscan.core.error.ModscanException if that site isn't there, or there with other axes
     * @throws ModscanException                       if there is no coordinate
     */
    @Override
    public Activations apply(Activations activations) {
        Site to = projectedSite();
        return SiteViews.replace(activations, "the " + kind + " basis", site, from -> projected(from, to));
    }

    private SiteActivations projected(SiteActivations from, Site to) {
        return maps.projection().of(from, to).withFittedTo(FittedPrompts.together(List.of(from.fittedTo(), prompts)));
    }

    /** As {@link #apply} does, but of rank 0 there is a coordinate: 0, or NaN where no vector was finite. */
    SiteActivations orNothing(SiteActivations from) {
        if (size() > 0) {
            return projected(from, projectedSite);
        }
        FittedPrompts all = FittedPrompts.together(List.of(from.fittedTo(), prompts));
        float[] nothing = {samples == 0 ? Float.NaN : 0};
        int coordinates = site.width();
        return from.derived(projectedSite, from.pooling(), prompt -> {
                    float[] row = new float[from.length(prompt) / coordinates];
                    Arrays.fill(row, nothing[0]);
                    return row;
                })
                .withFittedTo(all);
    }

    /**
     * The way back: a view that replaces the {@link #projectedSite()} by the {@link #site()}, as {@link #restore} does.
     *
     * @return a view, which throws as {@link #apply} does
     */
    public UnaryOperator<Activations> back() {
        return activations -> SiteViews.replace(
                activations,
                "the way back from a basis",
                projectedSite(),
                from -> maps.restoration().of(from, site).withFittedTo(before));
    }

    /**
     * The weights of units that read this site, taken along into the basis. For the rows w of {@code downstream} and the weights w′ that
     * this gives, w·x = w′·f(x) for every x on the span of an uncentred basis, and w·x = w′·f(x) + w·μ on that of others (see
     * {@link #restore}); w·μ is a constant, to be added to the unit's bias. So w′ = w·Uᵀ, for the whitened w·Uᵀ·Λ<sup>½</sup>, and for ZCA
     * w·Uᵀ·Λ<sup>½</sup>·U. What a unit reads from outside of the span is lost: no vector of the fit is there.
     *
     * @param downstream a row a unit: its weights on the site's raw coordinates, such as the rows of an MLP's first matrix
     * @return a row a unit, of {@link #size()} weights
     * @throws IllegalArgumentException if a row has another length than the site's width
     */
    public float[][] readWeights(float[][] downstream) {
        return maps.restoration().transposedLinear(downstream);
    }

    /**
     * The weights of units that write to this site, taken along into the basis. For a row w of {@code upstream} and the w′ that this gives,
     * f(x + a·w) = f(x) + a·w′ for every x and a: by how much each coordinate grows when the unit does.
     *
     * @param upstream a row a unit: what it adds to the site's raw coordinates, such as the columns of an MLP's second matrix
     * @return a row a unit, of {@link #size()} weights
     * @throws IllegalArgumentException if a row has another length than the site's width
     */
    public float[][] writeWeights(float[][] upstream) {
        return maps.projection().linear(upstream);
    }

    @Override
    public String toString() {
        return "Basis[" + kind + ", " + site + ", rank " + rank() + " of " + site.width() + ", " + samples
                + " vectors]";
    }
}
