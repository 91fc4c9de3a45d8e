package io.modscan.metrics.similarity;

import io.modscan.core.Metric;
import java.util.Arrays;

/**
 * Scaled cosine similarity: all vectors are divided by the length M of the longest, then multiplied:
 * s(a, b) = a·b / M², in [−1, 1].
 *
 * <p>Unlike {@link Cosine} it keeps differences of length, between prompts of one set, and so needs no direction: a vector
 * of zeros has the similarity 0 with all others. Values of different sets, or of a set with a prompt more, are not
 * comparable, since M is another. Where all vectors are zero, M is too and all similarities are NaN; a NaN or infinite
 * value anywhere leaves M undefined and makes them NaN likewise. Everything is accumulated in double precision, in which
 * products of float32 values neither overflow nor underflow, and results are clamped to [−1, 1] where rounding would leave
 * it; the similarity of the longest vector with itself is exactly 1.
 */
public final class ScaledCosine {

    private ScaledCosine() {}

    /**
     * The scaled cosine between all prompts at one site. Shapes, cost, limits and exceptions are those of
     * {@link Cosine#pairwise()}. The metric is immutable and safe for use by many threads.
     *
     * @return a metric that gives a symmetric matrix in the order in which prompts were added
     */
    public static Metric<SimilarityMatrix> pairwise() {
        return SimilarityMatrix.metric("scaled cosine", ScaledCosine::matrix);
    }

    private static double[] matrix(float[][] vectors) {
        int n = vectors.length;
        double[] values = Gram.matrix(vectors);
        double longest = 0;
        for (int i = 0; i < n; i++) {
            longest = Math.max(longest, values[i * n + i]);
        }
        if (Double.isInfinite(longest)) {
            // Else finite vectors would come out as 0 beside an infinite one.
            longest = Double.NaN;
        }
        double square = longest;
        Arrays.setAll(values, i -> Cosine.clamp(values[i] / square));
        return values;
    }
}
