package io.modscan.metrics.subspace;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The mean vector of each label. */
final class LabelMeans {

    private static final class Sum {
        private final double[] values;
        private long count;

        Sum(int width) {
            this.values = new double[width];
        }

        Sum plus(double[] vector, long vectors) {
            count += vectors;
            for (int i = 0; i < values.length; i++) {
                values[i] += vector[i];
            }
            return this;
        }

        double[] mean() {
            double[] mean = values.clone();
            for (int i = 0; i < mean.length; i++) {
                mean[i] /= count;
            }
            return mean;
        }
    }

    private final String key;
    private final SortedMap<String, Sum> sums = new TreeMap<>();

    LabelMeans(String key) {
        this.key = key;
    }

    void add(Activations piece) {
        SiteActivations site = piece.onlySite();
        List<String> labels = piece.prompts().labels(key);
        for (int i = 0; i < site.size(); i++) {
            double[] vector = Vectors.of(piece, site, i);
            sums.computeIfAbsent(labels.get(i), label -> new Sum(vector.length)).plus(vector, 1);
        }
    }

    void merge(LabelMeans other) {
        other.sums.forEach(
                (label, sum) -> sums.merge(label, sum, (mine, theirs) -> mine.plus(theirs.values, theirs.count)));
    }

    Subspace subspace() {
        double[][] means = sums.values().stream().map(Sum::mean).toArray(double[][]::new);
        return Subspace.leading(means, means.length);
    }
}
