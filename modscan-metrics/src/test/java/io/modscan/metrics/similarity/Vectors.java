package io.modscan.metrics.similarity;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.metrics.PlantedModel;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Made-up vectors and what the tests of similarities do with them. */
final class Vectors {

    private Vectors() {}

    static float[][] normal(Random random, int n, int width) {
        return Stream.generate(() -> normal(random, width)).limit(n).toArray(float[][]::new);
    }

    static float[] normal(Random random, int width) {
        float[] vector = new float[width];
        for (int i = 0; i < width; i++) {
            vector[i] = (float) random.nextGaussian();
        }
        return vector;
    }

    /** Labels that take turns. */
    static List<String> labels(int n, int different) {
        return IntStream.range(0, n).mapToObj(i -> "t" + i % different).toList();
    }

    static SimilarityMatrix matrix(Metric<SimilarityMatrix> metric, float[]... vectors) {
        return unlabelled(vectors).measure(metric);
    }

    static Activations unlabelled(float[]... vectors) {
        return PlantedModel.of(labels(vectors.length, 1), vectors);
    }

    /** The largest difference, also of what is NaN in one only. */
    static double difference(SimilarityMatrix a, SimilarityMatrix b) {
        double largest = a.ids().equals(b.ids()) ? 0 : Double.POSITIVE_INFINITY;
        for (int i = 0; i < a.size(); i++) {
            for (int j = 0; j < a.size(); j++) {
                largest = Math.max(largest, difference(a.get(i, j), b.get(i, j)));
            }
        }
        return largest;
    }

    static double difference(double a, double b) {
        if (Double.isNaN(a) || Double.isNaN(b)) {
            return Double.isNaN(a) && Double.isNaN(b) ? 0 : Double.POSITIVE_INFINITY;
        }
        return Math.abs(a - b);
    }

    /** The largest difference of means and counts. */
    static double difference(LabelSimilarity a, LabelSimilarity b) {
        double largest = a.labels().equals(b.labels()) && a.leftOut() == b.leftOut() ? 0 : Double.POSITIVE_INFINITY;
        for (String one : a.labels()) {
            largest = Math.max(largest, difference((double) a.prompts(one), (double) b.prompts(one)));
            for (String other : a.labels()) {
                largest = Math.max(largest, difference(a.mean(one, other), b.mean(one, other)));
            }
        }
        return largest;
    }
}
