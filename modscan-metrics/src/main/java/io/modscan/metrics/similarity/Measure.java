package io.modscan.metrics.similarity;

import io.modscan.core.Metric;
import java.util.Objects;

/**
 * The three built-in measures in one form: s(a, b) = 2h + a'·b' − h (|a'|² + |b'|²), where a' is a brought to scale, and
 * h is ½ for a measure of distances and 0 for one of products.
 */
enum Measure {
    COSINE("cosine", true, 0),
    SCALED_COSINE("scaled cosine", false, 0),
    CLOSENESS("closeness", false, 0.5);

    private final String title;
    private final boolean toOwnLength;
    private final double half;

    Measure(String title, boolean toOwnLength, double half) {
        this.title = title;
        this.toOwnLength = toOwnLength;
        this.half = half;
    }

    Metric<SimilarityMatrix> pairwise(Precision precision) {
        Objects.requireNonNull(precision, "precision");
        return SimilarityMatrix.metric(title, site -> new Comparison(this, site).pairs(precision));
    }

    Metric<LabelSimilarity> betweenLabels(String key) {
        Objects.requireNonNull(key, "key");
        return Metric.of(() -> new LabelSums(this, key), LabelSums::add, LabelSums::merge, LabelSums::means);
    }

    /** Whether each vector is brought to scale by its own length, rather than all by that of the longest. */
    boolean toOwnLength() {
        return toOwnLength;
    }

    /** What h is. */
    double half() {
        return half;
    }

    /**
     * The square of what a vector is divided by to bring it to scale.
     *
     * @param square  its squared length
     * @param longest the largest squared length of all
     * @return a positive number, or NaN where the measure is undefined
     */
    double weight(double square, double longest) {
        double weight = toOwnLength ? square : longest;
        if (weight > 0 && weight < Double.POSITIVE_INFINITY) {
            return weight;
        }
        // Between vectors that are all zero there is no distance, whatever the scale.
        return weight == 0 && half > 0 ? 1 : Double.NaN;
    }

    /**
     * The similarity of two vectors that were brought to scale.
     *
     * @param dot their dot product
     * @param a   what to take off for the one: h times its squared length
     * @param b   for the other; NaN, like any of the three, makes the result NaN
     */
    double of(double dot, double a, double b) {
        return Math.max(-1, Math.min(1, 2 * half + (dot - (a + b))));
    }
}
