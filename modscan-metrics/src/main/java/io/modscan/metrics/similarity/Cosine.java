package io.modscan.metrics.similarity;

import io.modscan.core.Metric;

/**
 * Cosine similarity: cos(a, b) = a·b / (|a| |b|), in [−1, 1].
 *
 * <p>A vector of zeros has no direction, so its cosine with anything, itself included, is undefined: NaN, rather than an
 * invented 0. The same holds for a vector with a NaN or an infinite value. In {@linkplain Precision#DOUBLE double precision},
 * which is the default, everything is accumulated in double precision, in which products of float32 values neither overflow
 * nor underflow. Results are clamped to [−1, 1] where rounding would leave it; the cosine of a prompt with itself is
 * exactly 1.
 *
 * <p>The cosine looks at directions only. {@link ScaledCosine} and {@link Closeness} keep lengths.
 */
public final class Cosine {

    private Cosine() {}

    /**
     * The cosine between all prompts at one site, in double precision.
     *
     * <p>Takes one site whose values are [prompts, …] with no positions left. Where the site has heads, a prompt's vector
     * is all of them, one behind the other; for a single head measure {@code activations.at(site).head(5)}. For several
     * sites use {@link Metric#perSite()}. A set of one prompt gives a matrix of one value.
     *
     * <p>Takes O(n²·d) time for n vectors of d values. It keeps the vectors, and gives 4n² bytes; where n²·d exceeds four
     * million these and a few per cent more lie outside the heap, with 8·n·d bytes meanwhile, and it multiplies by
     * {@link io.modscan.core.model.LinearAlgebra#installed()}, and uses all processors. The result is the same each time, and
     * exactly symmetric; where another product is installed it is the same up to rounding. For {@linkplain #betweenLabels means over
     * labels} no matrix is needed.
     *
     * <p>The metric is immutable and safe for use by many threads. Adding activations throws a
     * {@link io.modscan.core.error.ModscanException} if the sites are others than in the pieces before; finishing does if
     * there is not exactly one site, if it was not pooled, if two prompts have the same id, or without any activations.
     *
     * @return a metric that gives a symmetric matrix in the order in which prompts were added
     */
    public static Metric<SimilarityMatrix> pairwise() {
        return pairwise(Precision.DOUBLE);
    }

    /**
     * The cosine between all prompts at one site; see {@link #pairwise()}.
     *
     * @param precision what to compute and keep it in
     * @return a metric that gives a symmetric matrix in the order in which prompts were added
     */
    public static Metric<SimilarityMatrix> pairwise(Precision precision) {
        return Measure.COSINE.pairwise(precision);
    }

    /**
     * The mean cosine between all prompts of one label and all of another, and within each label.
     *
     * <p>The mean over the pairs of two labels A and B is the dot product of their mean unit vectors,
     * (Σu<sub>A</sub> · Σu<sub>B</sub>) / (n<sub>A</sub> n<sub>B</sub>), and that over the pairs i ≠ j within a label is
     * (|Σu|² − n) / (n (n − 1)). So the metric never keeps a prompt: it takes O(n·d) time and 8·k·d bytes for n prompts of
     * k labels with d values, for streams of any length. It gives the same as {@link #pairwise()} with
     * {@link SimilarityMatrix#betweenLabels}, up to rounding, and takes the same sites. Prompts whose vector has no direction
     * (all zeros, or with a NaN or infinite value) are left out and {@linkplain LabelSimilarity#leftOut() counted}. The
     * metric is immutable and safe for use by many threads. Adding activations throws a
     * {@link io.modscan.core.error.ModscanException} if there is not exactly one site, if it was not pooled, if it is
     * another than in the pieces before, or if a prompt has no label for the key; so does finishing without any.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric that takes one site, with one vector a prompt
     */
    public static Metric<LabelSimilarity> betweenLabels(String key) {
        return Measure.COSINE.betweenLabels(key);
    }
}
