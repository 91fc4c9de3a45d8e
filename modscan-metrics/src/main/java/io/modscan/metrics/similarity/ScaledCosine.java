package io.modscan.metrics.similarity;

import io.modscan.core.Metric;

/**
 * Scaled cosine similarity: all vectors are divided by the length M of the longest, then multiplied:
 * s(a, b) = a·b / M², in [−1, 1].
 *
 * <p>Unlike {@link Cosine} it keeps differences of length, between prompts of one set, and so needs no direction: a vector
 * of zeros has the similarity 0 with all others, and with itself ({@link Closeness} calls two such vectors alike). Values of
 * different sets, or of a set with a prompt more, are not comparable, since M is another. Where all vectors are zero, M is
 * too and all similarities are NaN; a NaN or infinite value anywhere leaves M undefined and makes them NaN likewise. In
 * {@linkplain Precision#DOUBLE double precision}, which is the default, everything is accumulated in double precision, in
 * which products of float32 values neither overflow nor underflow. Results are clamped to [−1, 1] where rounding would leave
 * it; the similarity of the longest vector with itself is exactly 1.
 */
public final class ScaledCosine {

    private ScaledCosine() {}

    /**
     * The scaled cosine between all prompts at one site, in double precision. Shapes, cost and exceptions are those of
     * {@link Cosine#pairwise()}. The metric is immutable and safe for use by many threads.
     *
     * @return a metric that gives a symmetric matrix in the order in which prompts were added
     */
    public static Metric<SimilarityMatrix> pairwise() {
        return pairwise(Precision.DOUBLE);
    }

    /**
     * The scaled cosine between all prompts at one site; see {@link #pairwise()}.
     *
     * @param precision what to compute and keep it in
     * @return a metric that gives a symmetric matrix in the order in which prompts were added
     */
    public static Metric<SimilarityMatrix> pairwise(Precision precision) {
        return Measure.SCALED_COSINE.pairwise(precision);
    }

    /**
     * The mean scaled cosine between all prompts of one label and all of another, and within each label.
     *
     * <p>With the sums Σa of the vectors of each label, the mean over the pairs of two labels A and B is
     * (Σa<sub>A</sub> · Σa<sub>B</sub>) / (n<sub>A</sub> n<sub>B</sub> M²), and that over the pairs i ≠ j within a label is
     * (|Σa|² − Σ|a|²) / (n (n − 1) M²); M is known at the end. So the metric never keeps a prompt: it takes O(n·d) time and
     * 8·k·d bytes for n prompts of k labels with d values. It gives the same as {@link #pairwise()} with
     * {@link SimilarityMatrix#betweenLabels}, up to rounding: where M is zero or undefined, all prompts are
     * {@linkplain LabelSimilarity#leftOut() left out} and all means are NaN. Shapes, exceptions and thread safety are those of
     * {@link Cosine#betweenLabels}.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric that takes one site, with one vector a prompt
     */
    public static Metric<LabelSimilarity> betweenLabels(String key) {
        return Measure.SCALED_COSINE.betweenLabels(key);
    }
}
