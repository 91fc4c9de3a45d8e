package io.modscan.metrics.similarity;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** What the mean similarities of labels are made of: for each label the sum of its vectors, and of their squared lengths. */
final class LabelSums {

    private static final class Sums {
        private final double[] vectors;
        private double squares;
        private long count;

        Sums(int width) {
            this.vectors = new double[width];
        }

        void add(float[] vector, double divisor, double square) {
            count++;
            squares += square;
            for (int i = 0; i < vectors.length; i++) {
                vectors[i] += vector[i] / divisor;
            }
        }

        Sums plus(Sums other) {
            count += other.count;
            squares += other.squares;
            for (int i = 0; i < vectors.length; i++) {
                vectors[i] += other.vectors[i];
            }
            return this;
        }
    }

    private final Measure measure;
    private final String key;
    private final SortedMap<String, Sums> byLabel = new TreeMap<>();
    private double longest;
    private long leftOut;

    LabelSums(Measure measure, String key) {
        this.measure = measure;
        this.key = key;
    }

    void add(Activations piece) {
        SiteActivations site = piece.onlySite();
        List<String> labels = piece.prompts().labels(key);
        for (int i = 0; i < site.size(); i++) {
            Interrupt.checkThisThread();
            float[] vector = site.vector(i);
            // A label whose prompts all lack a direction is a label all the same.
            Sums sums = byLabel.computeIfAbsent(labels.get(i), l -> new Sums(vector.length));
            double square = Dot.of(vector, vector);
            if (!measure.toOwnLength()) {
                longest = Math.max(longest, square);
                sums.add(vector, 1, square);
            } else if (measure.weight(square, square) > 0) {
                sums.add(vector, Math.sqrt(square), 1);
            } else {
                leftOut++;
            }
        }
    }

    void merge(LabelSums other) {
        other.byLabel.forEach((label, sums) -> byLabel.merge(label, sums, Sums::plus));
        longest = Math.max(longest, other.longest);
        leftOut += other.leftOut;
    }

    LabelSimilarity means() {
        List<Sums> all = List.copyOf(byLabel.values());
        int k = all.size();
        long[] counts = all.stream().mapToLong(sums -> sums.count).toArray();
        double weight = measure.toOwnLength() ? 1 : measure.weight(longest, longest);
        if (Double.isNaN(weight)) {
            long none = leftOut + all.stream().mapToLong(sums -> sums.count).sum();
            return new LabelSimilarity(List.copyOf(byLabel.keySet()), new long[k], new double[k * k], none);
        }
        double[] sums = new double[k * k];
        for (int i = 0; i < k; i++) {
            for (int j = 0; j < k; j++) {
                double pairs = (double) counts[i] * (i == j ? counts[j] - 1 : counts[j]);
                sums[i * k + j] = Math.max(-pairs, Math.min(pairs, sum(all.get(i), all.get(j), i == j, pairs, weight)));
            }
        }
        return new LabelSimilarity(List.copyOf(byLabel.keySet()), counts, sums, leftOut);
    }

    /** The sum of {@link Measure}'s formula over all pairs of different prompts. */
    private double sum(Sums a, Sums b, boolean same, double pairs, double weight) {
        double h = measure.half();
        // A vector's product with itself is no pair.
        double dots = Dot.of(a.vectors, b.vectors) - (same ? a.squares : 0);
        double squares = same ? 2 * (a.count - 1) * a.squares : b.count * a.squares + a.count * b.squares;
        return 2 * h * pairs + (dots - h * squares) / weight;
    }
}
