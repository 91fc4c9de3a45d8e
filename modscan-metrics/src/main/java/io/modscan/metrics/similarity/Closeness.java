package io.modscan.metrics.similarity;

import io.modscan.core.Metric;

/**
 * Closeness: s(a, b) = 1 − |a − b|² / (2M²), where M is the length of the longest vector of the set; in [−1, 1].
 *
 * <p>It is the answer where one wants to know whether a site does the same for two prompts, which neither cosine tells. The
 * {@link Cosine} hides lengths: two prompts at which a head is all but silent come out as alike or opposite by the direction
 * of what is noise. The {@link ScaledCosine} keeps lengths but calls two such prompts unlike, 0, as if silence were a
 * difference. The closeness of two vectors of length M is their cosine, since |a − b|² = 2M² (1 − cos(a, b)) then. Shorter
 * ones are told by their distance: two vectors near zero are alike, near 1; one near zero and one of length M have ½, halfway
 * between the same and a right angle; only opposite vectors of length M have −1.
 *
 * <p>1 − s is proportional to the squared Euclidean distance, so that whatever is made of squared distances, such as nearest
 * centroids in {@link Separation}, comes out as for the vectors themselves. Values of different sets, or of a set with a
 * prompt more, are not comparable, since M is another. Where all vectors are zero, all similarities are 1. A NaN or infinite
 * value anywhere leaves M undefined and makes all similarities NaN.
 *
 * <p>In {@linkplain Precision#DOUBLE double precision}, which is the default, it is computed as 1 + a·b/M² − |a|²/(2M²) −
 * |b|²/(2M²) with sums in double precision, in which float32 values neither overflow nor underflow. What cancels there between
 * vectors that are nearly equal is small beside M², so that the absolute error stays below 1e-14 for them too. Results
 * are clamped to [−1, 1] where rounding would leave it; the closeness of a prompt to itself is exactly 1.
 */
public final class Closeness {

    private Closeness() {}

    /**
     * The closeness of all prompts at one site to each other, in double precision. Shapes, cost and exceptions are those of
     * {@link Cosine#pairwise()}. The metric is immutable and safe for use by many threads.
     *
     * @return a metric that gives a symmetric matrix in the order in which prompts were added
     */
    public static Metric<SimilarityMatrix> pairwise() {
        return pairwise(Precision.DOUBLE);
    }

    /**
     * The closeness of all prompts at one site to each other; see {@link #pairwise()}.
     *
     * @param precision what to compute and keep it in
     * @return a metric that gives a symmetric matrix in the order in which prompts were added
     */
    public static Metric<SimilarityMatrix> pairwise(Precision precision) {
        return Measure.CLOSENESS.pairwise(precision);
    }

    /**
     * The mean closeness of all prompts of one label to all of another, and within each label.
     *
     * <p>With the sums Σa of the vectors of each label, and Q = Σ|a|² of their squared lengths, the mean over the pairs of two
     * labels A and B is 1 − (Q<sub>A</sub>/n<sub>A</sub> + Q<sub>B</sub>/n<sub>B</sub> −
     * 2 Σa<sub>A</sub> · Σa<sub>B</sub> / (n<sub>A</sub> n<sub>B</sub>)) / (2M²), and that over the pairs i ≠ j within a
     * label is 1 − (n Q − |Σa|²) / (n (n − 1) M²); M is known at the end. So the metric never keeps a prompt: it takes O(n·d)
     * time and 8·k·d bytes for n prompts of k labels with d values. It gives the same as {@link #pairwise()} with
     * {@link SimilarityMatrix#betweenLabels}, up to rounding: with a NaN or infinite value anywhere, all prompts are
     * {@linkplain LabelSimilarity#leftOut() left out} and all means are NaN. Shapes, exceptions and thread safety are those of
     * {@link Cosine#betweenLabels}.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric that takes one site, with one vector a prompt
     */
    public static Metric<LabelSimilarity> betweenLabels(String key) {
        return Measure.CLOSENESS.betweenLabels(key);
    }
}
