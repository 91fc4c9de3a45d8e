package io.modscan.metrics.similarity;

import io.modscan.core.Metric;
import java.util.Objects;

/**
 * Cosine similarity: cos(a, b) = a·b / (|a| |b|), in [−1, 1].
 *
 * <p>A vector of zeros has no direction, so its cosine with anything, itself included, is undefined: NaN, rather than an
 * invented 0. The same holds for a vector with a NaN or an infinite value. Everything is accumulated in double precision,
 * in which products of float32 values neither overflow nor underflow, and results are clamped to [−1, 1] where rounding
 * would leave it; the cosine of a vector with itself is exactly 1.
 */
public final class Cosine {

    private Cosine() {}

    /**
     * The cosine between all prompts at one site.
     *
     * <p>Takes one site whose values are [prompts, …] with no positions left. Where the site has heads, a prompt's vector
     * is all of them, one behind the other; for a single head measure {@code activations.at(site).head(5)}. For several
     * sites use {@link Metric#perSite()}. Keeps the n vectors of d values and gives 8n² bytes, in O(n²·d) time; the limit
     * is 46,340 prompts, and {@link #byLabel} has none. A set of one prompt gives a matrix of one value. The metric is
     * immutable and safe for use by many threads. Adding activations throws a
     * {@link io.modscan.core.error.ModscanException} if there is not exactly one site, if it was not pooled, or if it is
     * another than in the pieces before; so does finishing without any.
     *
     * @return a metric that gives a symmetric matrix in the order in which prompts were added
     */
    public static Metric<SimilarityMatrix> pairwise() {
        return SimilarityMatrix.metric("cosine", Cosine::matrix);
    }

    /**
     * The mean cosine between all prompts of one label and all of another, and within each label.
     *
     * <p>The mean over the pairs of two labels A and B is the dot product of their mean unit vectors,
     * (Σu<sub>A</sub> · Σu<sub>B</sub>) / (n<sub>A</sub> n<sub>B</sub>), and that over the pairs i ≠ j within a label is
     * (|Σu|² − n) / (n (n − 1)). So the metric never keeps a prompt: it takes O(n·d) time and 8·k·d bytes for n prompts of
     * k labels with d values, for streams of any length. It gives the same as {@link #pairwise()} with
     * {@link SimilarityMatrix#byLabel}, up to rounding, and takes the same sites. Prompts whose vector has no direction
     * (all zeros, or with a NaN or infinite value) are left out and {@linkplain LabelSimilarity#leftOut() counted}. The
     * metric is immutable and safe for use by many threads. Adding activations throws a
     * {@link io.modscan.core.error.ModscanException} as it does for {@link #pairwise()}, and if a prompt has no label for
     * the key.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric that takes one site, with one vector a prompt
     */
    public static Metric<LabelSimilarity> byLabel(String key) {
        Objects.requireNonNull(key, "key");
        return Metric.of(
                () -> new LabelDirections(key), LabelDirections::add, LabelDirections::merge, LabelDirections::means);
    }

    private static double[] matrix(float[][] vectors) {
        int n = vectors.length;
        double[] values = Gram.matrix(vectors);
        double[] squares = new double[n];
        for (int i = 0; i < n; i++) {
            squares[i] = values[i * n + i];
        }
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                // One root of the product, not a product of roots: it makes the cosine of equal vectors exactly 1.
                // Squares of float32 vectors lie between 1e-90 and 1e86 or so, whose products a double still holds.
                values[i * n + j] = clamp(values[i * n + j] / Math.sqrt(squares[i] * squares[j]));
            }
        }
        return values;
    }

    /** Takes back what rounding added beyond the bounds; NaN stays. */
    static double clamp(double cosine) {
        return Math.max(-1, Math.min(1, cosine));
    }
}
