package io.modscan.metrics.similarity;

import io.modscan.core.Metric;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Objects;

/**
 * Similarities between prompts by a measure of the user's own. {@link Cosine}, {@link ScaledCosine} and {@link Closeness} are
 * ready.
 */
public final class Similarity {

    private Similarity() {}

    /**
     * Compares all prompts at one site with each other.
     *
     * <p>The measure is not taken to be symmetric, nor to give 1 for a vector and itself: it is called for all n² ordered
     * pairs of the n prompts, in the order of the matrix, by the thread that finishes the measurement. An exception that it
     * throws is passed on. The metric keeps n vectors and gives 8n² bytes; for the shapes that it takes see
     * {@link Cosine#pairwise()}. The metric is as safe for use by many threads as the measure is.
     *
     * @param name       what to call the measure in {@link SimilarityMatrix#name()}
     * @param similarity the measure
     * @return a metric that takes one site, with one vector a prompt
     */
    public static Metric<SimilarityMatrix> pairwise(String name, VectorSimilarity similarity) {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(similarity, "similarity");
        return SimilarityMatrix.metric(name, site -> allPairs(site.vectors(), similarity));
    }

    private static Pairs allPairs(float[][] vectors, VectorSimilarity similarity) {
        double[][] values = new double[vectors.length][vectors.length];
        for (int i = 0; i < vectors.length; i++) {
            for (int j = 0; j < vectors.length; j++) {
                Interrupt.checkThisThread();
                values[i][j] = similarity.of(vectors[i], vectors[j]);
            }
        }
        return (i, j) -> values[i][j];
    }
}
