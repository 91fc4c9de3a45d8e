package io.modscan.metrics.subspace;

import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.linear.Svd;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A linear subspace of a site's coordinates, as an orthonormal basis of k directions in d coordinates, in double precision.
 * It goes through the origin. Made of directions that one has ({@link #of(double[]...)}), or measured: where a site's vectors
 * vary most ({@link #leading}), or what tells labels apart ({@link #ofLabelMeans}).
 *
 * <pre>{@code
 * Map<String, Subspace> byTopic =
 *         activations.at("blocks.5.hook_resid_post").measure(Subspace.leading(5).byLabel("topic"));
 * double overlap = byTopic.get("cooking").overlap(byTopic.get("chess"));
 * }</pre>
 *
 * <p>A subspace may have the dimension 0: that of directions which are all zero, or of prompts which are all equal. It has no
 * angles to another, and no overlap (NaN). Immutable; safe for use by many threads.
 */
public final class Subspace {

    /** What rounding in double precision leaves of a direction that is not there, as a share of what it was computed from. */
    static final double DOUBLE_ROUNDING = 1e-12;

    /** The same for values that were rounded to float32. */
    static final double FLOAT_ROUNDING = 1e-6;

    private final double[][] basis;
    private final int width;

    Subspace(double[][] basis, int width) {
        this.basis = basis;
        this.width = width;
    }

    /**
     * The subspace that directions span.
     *
     * <p>Each is divided by its length first, so that a short direction counts as much as a long one; one of zeros adds
     * nothing. A direction that lies within the span of others, up to 10⁻¹² of the largest singular value of the unit
     * directions, adds nothing either, so the dimension is the numerical rank. Takes O(k·d·min(k, d)) time.
     *
     * @param directions at least one, all of the same length
     * @return their span
     * @throws IllegalArgumentException if there is none, or they are of different lengths, or empty
     * @throws ModscanException         if a value is NaN or infinite
     */
    public static Subspace of(double[]... directions) {
        return span(directions, DOUBLE_ROUNDING);
    }

    /**
     * The subspace that directions in single precision span. As {@link #of(double[]...)}, except that a direction within the
     * span of others up to 10⁻⁶ of the largest singular value adds nothing: what lies below is the rounding of float32.
     *
     * @param directions at least one, all of the same length
     * @return their span
     * @throws IllegalArgumentException if there is none, or they are of different lengths, or empty
     * @throws ModscanException         if a value is NaN or infinite
     */
    public static Subspace of(float[]... directions) {
        double[][] wide = new double[directions.length][];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = new double[directions[i].length];
            for (int j = 0; j < wide[i].length; j++) {
                wide[i][j] = directions[i][j];
            }
        }
        return span(wide, FLOAT_ROUNDING);
    }

    private static Subspace span(double[][] directions, double rounding) {
        if (directions.length == 0 || directions[0].length == 0) {
            throw new IllegalArgumentException("a subspace is made of one direction at least, which has coordinates");
        }
        int width = directions[0].length;
        List<double[]> units = new ArrayList<>();
        for (int i = 0; i < directions.length; i++) {
            if (directions[i].length != width) {
                throw new IllegalArgumentException(
                        "direction " + i + " has " + directions[i].length + " coordinates and the first one " + width);
            }
            double largest = 0;
            for (double value : directions[i]) {
                largest = Math.max(largest, Math.abs(value));
            }
            if (!Double.isFinite(largest)) {
                throw new ModscanException("direction " + i + " has a NaN or infinite value");
            }
            if (largest > 0) {
                units.add(unit(directions[i], largest));
            }
        }
        return units.isEmpty()
                ? new Subspace(new double[0][], width)
                : new Subspace(Svd.leading(units.toArray(double[][]::new), width, 0, rounding), width);
    }

    /** A direction divided by its length; by its largest value first, whose square might not be a number. */
    private static double[] unit(double[] direction, double largest) {
        double[] scaled = Arrays.stream(direction).map(value -> value / largest).toArray();
        double length = Math.sqrt(Dot.of(scaled, scaled));
        return Arrays.stream(scaled).map(value -> value / length).toArray();
    }

    /**
     * Where the vectors of a site vary most: their k leading principal directions around their mean, which are the right
     * singular vectors of the largest singular values of X − 1·x̄ᵀ for the vectors X [prompts, d].
     *
     * <p>Takes one site whose values are [prompts, …] with no positions left; where it has heads, a prompt's vector is all of
     * them, one behind the other. Combine it with {@link Metric#perSite()}, {@link Metric#perHead()} or
     * {@link Metric#byLabel}. With fewer than k + 1 prompts, or with vectors that vary in fewer than k directions, the
     * dimension is that number: singular values up to 10⁻⁶ of the largest, or 10⁻¹² of the longest vector, are rounding and
     * count as zero. For one prompt, and for prompts that are all equal, it is 0. Where the k-th and the next singular value
     * are equal the subspace is not unique, and which one is given hangs on rounding.
     *
     * <p>Keeps all vectors, 4 bytes a value, and while it computes 24 bytes a value and up to 100 MB besides; O(n·d·min(n, d)) time for n prompts of
     * d values, in double precision: by the eigenvectors of products of vectors or coordinates, or, where these would not be exact, by SVD. The result does not depend on the order of prompts beyond rounding. The metric is
     * immutable and safe for use by many threads. Finishing throws a {@link ModscanException} if a value is NaN or infinite,
     * which names the prompt, or if there is not exactly one site, pooled.
     *
     * @param k how many directions, at least 1
     * @return a metric
     * @throws IllegalArgumentException if k is below 1
     */
    public static Metric<Subspace> leading(int k) {
        checkDimension(k);
        return Metric.whole(activations -> leading(Vectors.of(activations), k));
    }

    /** The k leading directions of rows around their mean. */
    static Subspace leading(double[][] rows, int k) {
        return leading(Vectors.centred(rows), k, Vectors.longest(rows));
    }

    private static Subspace leading(double[][] rows, int k, double longest) {
        double least = DOUBLE_ROUNDING * longest;
        return new Subspace(
                LeadingByGram.directions(rows, k, least).orElseGet(() -> Svd.leading(rows, k, least, FLOAT_ROUNDING)),
                rows[0].length);
    }

    /**
     * The k leading directions of a site's vectors around the origin: the right singular vectors of X itself, so that what
     * the vectors have in common, their mean, counts too and usually comes first. All else is as for {@link #leading}.
     *
     * @param k how many directions, at least 1
     * @return a metric
     * @throws IllegalArgumentException if k is below 1
     */
    public static Metric<Subspace> leadingUncentred(int k) {
        checkDimension(k);
        return Metric.whole(activations -> {
            double[][] rows = Vectors.of(activations);
            return leading(rows, k, Vectors.longest(rows));
        });
    }

    static void checkDimension(int k) {
        if (k < 1) {
            throw new IllegalArgumentException("a subspace is asked for with 1 dimension at least, not " + k);
        }
    }

    /**
     * What tells labels apart: the span of the labels' mean vectors minus the grand mean, which is also that of the differences
     * between any two of the means. Its dimension is at most the number of labels minus 1, and 0 for one label.
     *
     * <p>Every label weighs the same, however many prompts it has; whether the grand mean is that of prompts or of labels makes
     * no difference to the span. Directions up to 10⁻⁶ of the largest singular value, or 10⁻¹² of the longest mean, are
     * rounding and left out. Means of few prompts are never equal, so labels without any effect span a subspace too: that
     * there is one is no evidence that labels differ.
     *
     * <p>Takes one site, as {@link #leading} does, and streams: it keeps one sum a label, 8 bytes a value. The metric is
     * immutable and safe for use by many threads. Adding activations throws a {@link ModscanException} if a value is NaN or
     * infinite, if a prompt has no label for the key, or if there is not exactly one site, pooled.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric
     */
    public static Metric<Subspace> ofLabelMeans(String key) {
        Objects.requireNonNull(key, "key");
        return Metric.of(() -> new LabelMeans(key), LabelMeans::add, LabelMeans::merge, LabelMeans::subspace);
    }

    /**
     * The number of directions.
     *
     * @return k, from 0 to {@link #width()}
     */
    public int dimension() {
        return basis.length;
    }

    /**
     * The number of coordinates that a direction has.
     *
     * @return d, at least 1
     */
    public int width() {
        return width;
    }

    /**
     * The orthonormal basis. Only its span is meaningful: another basis of the same subspace is as good.
     *
     * @return a copy, [k][d]; of measured subspaces in descending order of singular values
     */
    public double[][] basis() {
        return Arrays.stream(basis).map(double[]::clone).toArray(double[][]::new);
    }

    /**
     * The principal angles to another subspace: the smallest angle between a direction of one and a direction of the other,
     * then the smallest among those perpendicular to these two, and so on.
     *
     * <p>The cosines are the singular values of A·Bᵀ for the bases A [k, d] and B [k', d], after Björck and Golub, "Numerical
     * methods for computing angles between linear subspaces", 1973
     * (<a href="https://doi.org/10.1090/S0025-5718-1973-0348991-3">doi:10.1090/S0025-5718-1973-0348991-3</a>). A cosine says
     * little of a small angle, so those below 45° come from sines, the singular values of what is left of one basis when the
     * other is projected out, after Knyazev and Argentati, 2002
     * (<a href="https://doi.org/10.1137/S1064827500377332">doi:10.1137/S1064827500377332</a>). The error is some 10⁻¹⁵ at any
     * angle. SciPy's {@code subspace_angles} gives the same in the opposite order.
     *
     * @param other a subspace of as many coordinates
     * @return min(k, k') angles in radians, from 0 to π/2, in ascending order; none if a dimension is 0
     * @throws IllegalArgumentException if the other has another number of coordinates
     */
    public double[] anglesTo(Subspace other) {
        checkWidth(other);
        double[][] few = basis.length <= other.basis.length ? basis : other.basis;
        double[][] many = few == basis ? other.basis : basis;
        if (few.length == 0) {
            return new double[0];
        }
        double[][] products = products(few, many);
        double[] cosines = Svd.values(products);
        double[][] rest = new double[few.length][];
        for (int i = 0; i < few.length; i++) {
            rest[i] = few[i].clone();
            for (int j = 0; j < many.length; j++) {
                for (int at = 0; at < width; at++) {
                    rest[i][at] -= products[i][j] * many[j][at];
                }
            }
        }
        double[] sines = Svd.values(rest);
        double[] angles = new double[few.length];
        for (int i = 0; i < angles.length; i++) {
            // The largest cosine belongs to the smallest sine.
            double sine = sines[angles.length - 1 - i];
            angles[i] =
                    cosines[i] * cosines[i] >= 0.5 ? Math.asin(Math.min(1, sine)) : Math.acos(Math.min(1, cosines[i]));
        }
        return angles;
    }

    /**
     * How much two subspaces overlap: ‖A·Bᵀ‖²<sub>F</sub> / min(k, k') for the bases A [k, d] and B [k', d], which is the mean
     * squared cosine of the principal angles. It is 1 if one contains the other and 0 if they are perpendicular;
     * {@link #expectedOverlap} says what chance gives. Takes O(k·k'·d) time.
     *
     * @param other a subspace of as many coordinates
     * @return the overlap, in [0, 1]; NaN if a dimension is 0
     * @throws IllegalArgumentException if the other has another number of coordinates
     */
    public double overlap(Subspace other) {
        checkWidth(other);
        double sum = 0;
        for (double[] row : products(basis, other.basis)) {
            sum += Dot.of(row, row);
        }
        int fewer = Math.min(basis.length, other.basis.length);
        return fewer == 0 ? Double.NaN : Math.min(1, sum / fewer);
    }

    /**
     * The overlap to be expected if one of the subspaces had a random orientation, all being equally likely:
     * max(k, k') / d. Activations are far from filling all directions alike, so between subspaces of one site much more is
     * common; {@link SubspaceOverlap} compares with shuffled labels.
     *
     * @param other a subspace of as many coordinates
     * @return the expected overlap, in (0, 1]; NaN if a dimension is 0
     * @throws IllegalArgumentException if the other has another number of coordinates
     */
    public double expectedOverlap(Subspace other) {
        checkWidth(other);
        boolean none = Math.min(basis.length, other.basis.length) == 0;
        return none ? Double.NaN : Math.max(basis.length, other.basis.length) / (double) width;
    }

    private void checkWidth(Subspace other) {
        if (other.width != width) {
            throw new IllegalArgumentException("a subspace of " + width + " coordinates and one of " + other.width
                    + " cannot be compared; they have to be of the same site's coordinates");
        }
    }

    /** Row by row dot products. */
    private static double[][] products(double[][] a, double[][] b) {
        return Arrays.stream(a)
                .map(row -> Arrays.stream(b)
                        .mapToDouble(other -> Dot.of(row, other))
                        .toArray())
                .toArray(double[][]::new);
    }

    @Override
    public String toString() {
        return "Subspace[" + basis.length + " of " + width + " dimensions]";
    }
}
