package io.modscan.metrics;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Keeps the sum of unit vectors of each label. */
final class LabelCosineAccumulator implements Metric.Accumulator<LabelSimilarity> {

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
    private final Pieces pieces = new Pieces();
    private final SortedMap<String, Directions> byLabel = new TreeMap<>();
    private long leftOut;

    LabelCosineAccumulator(String key) {
        this.key = key;
    }

    @Override
    public void add(Activations piece) {
        SiteActivations site = Pieces.onlySite(piece);
        List<String> labels = piece.prompts().labels(key);
        pieces.accept(List.of(site));
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

    @Override
    public void merge(Metric.Accumulator<LabelSimilarity> other) {
        LabelCosineAccumulator theirs = (LabelCosineAccumulator) other;
        if (pieces.accept(theirs.pieces)) {
            theirs.byLabel.forEach((label, directions) -> byLabel.merge(label, directions, Directions::plus));
            leftOut += theirs.leftOut;
        }
    }

    @Override
    public LabelSimilarity finish() {
        pieces.readings();
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
        return new LabelSimilarity(new Labels(List.copyOf(byLabel.keySet()), counts), sums, leftOut);
    }
}
