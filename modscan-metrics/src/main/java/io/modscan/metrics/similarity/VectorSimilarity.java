package io.modscan.metrics.similarity;

/**
 * How alike two vectors are: a user's own measure, for {@link Similarity#pairwise}. An implementation doesn't change or
 * keep the arrays, and gives the same result for the same values.
 */
@FunctionalInterface
public interface VectorSimilarity {

    /**
     * Compares two vectors.
     *
     * @param a one vector
     * @param b another of the same length, or the same one
     * @return any number; NaN if the two have no similarity
     */
    double of(float[] a, float[] b);
}
