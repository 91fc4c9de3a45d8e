package io.modscan.metrics.similarity;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The sum of unit vectors of each label. */
final class LabelDirections {

    private static final class Directions {
        private final double[] sum;
        private long count;

        Directions(int width) {
            this.sum = new double[width];
        }

        void add(float[] vector, double length) {
            count++;
            for (int i = 0; i < sum.length; i++) {
                sum[i] += vector[i] / length;
            }
        }

        Directions plus(Directions other) {
            count += other.count;
            for (int i = 0; i < sum.length; i++) {
                sum[i] += other.sum[i];
            }
            return this;
        }

        double dot(Directions other) {
            double dot = 0;
            for (int i = 0; i < sum.length; i++) {
                dot += sum[i] * other.sum[i];
            }
            return dot;
        }
    }

    private final String key;
    private final SortedMap<String, Directions> byLabel = new TreeMap<>();
    private long leftOut;

    LabelDirections(String key) {
        this.key = key;
    }

    void add(Activations piece) {
        SiteActivations site = piece.onlySite();
        List<String> labels = piece.prompts().labels(key);
        for (int i = 0; i < site.size(); i++) {
            float[] vector = site.vector(i);
            // A label whose prompts all lack a direction is a label all the same.
            Directions directions = byLabel.computeIfAbsent(labels.get(i), l -> new Directions(vector.length));
            double length = Math.sqrt(Gram.dot(vector, vector));
            if (length > 0 && length < Double.POSITIVE_INFINITY) {
                directions.add(vector, length);
            } else {
                leftOut++;
            }
        }
    }

    void merge(LabelDirections other) {
        other.byLabel.forEach((label, directions) -> byLabel.merge(label, directions, Directions::plus));
        leftOut += other.leftOut;
    }

    LabelSimilarity means() {
        List<Directions> directions = List.copyOf(byLabel.values());
        int k = directions.size();
        double[] sums = new double[k * k];
        for (int i = 0; i < k; i++) {
            for (int j = 0; j < k; j++) {
                // A unit vector's product with itself is 1, and no pair.
                double self = i == j ? directions.get(i).count : 0;
                double sum = directions.get(i).dot(directions.get(j)) - self;
                double pairs = (double) directions.get(i).count * directions.get(j).count - self;
                sums[i * k + j] = Math.max(-pairs, Math.min(pairs, sum));
            }
        }
        long[] counts = directions.stream().mapToLong(d -> d.count).toArray();
        return new LabelSimilarity(List.copyOf(byLabel.keySet()), counts, sums, leftOut);
    }
}
