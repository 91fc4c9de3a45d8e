package io.modscan.metrics.similarity;

import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import io.modscan.core.prompt.Labels;
import io.modscan.core.prompt.Prompt;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/** How alike each prompt is to each other: a number for each ordered pair. Immutable; safe for use by many threads. */
public final class SimilarityMatrix {

    private final String name;
    private final List<String> ids;
    private final Pairs values;

    private SimilarityMatrix(String name, List<String> ids, Pairs values) {
        this.name = name;
        this.ids = List.copyOf(ids);
        this.values = values;
    }

    /** A metric of the vectors of all prompts at one site. */
    static Metric<SimilarityMatrix> metric(String name, Function<SiteActivations, Pairs> compare) {
        return Metric.whole(activations -> new SimilarityMatrix(
                name, activations.prompts().stream().map(Prompt::id).toList(), compare.apply(activations.onlySite())));
    }

    /**
     * What was measured.
     *
     * @return the measure's name, such as {@code cosine}
     */
    public String name() {
        return name;
    }

    /**
     * The prompts.
     *
     * @return their ids, in the order of rows and columns, which is that in which they were measured
     */
    public List<String> ids() {
        return ids;
    }

    /**
     * The number of prompts.
     *
     * @return n, at least 1
     */
    public int size() {
        return ids.size();
    }

    /**
     * The similarity of two prompts.
     *
     * @param i a prompt's index in {@link #ids()}
     * @param j another's, or the same
     * @return the value that the measure gave for (i, j); for its range, and what NaN means, see the measure
     * @throws IndexOutOfBoundsException if an index is not below {@link #size()}
     */
    public double get(int i, int j) {
        return values.get(Objects.checkIndex(i, size()), Objects.checkIndex(j, size()));
    }

    /**
     * The mean similarity within and between labels, over all ordered pairs of different prompts.
     *
     * <p>A prompt that has no similarity to itself (NaN at (i, i); for the cosine, a vector of zeros) is left out and
     * {@linkplain LabelSimilarity#leftOut() counted}. A NaN at any other pair makes the means that it belongs to NaN. Takes
     * O(n²) time.
     *
     * @param labels each prompt's label, in the order of {@link #ids()}, such as {@code prompts.labels("topic")}
     * @return the means
     * @throws IllegalArgumentException if there is not one label a prompt
     */
    public LabelSimilarity betweenLabels(List<String> labels) {
        int n = size();
        if (labels.size() != n) {
            throw new IllegalArgumentException(
                    "there are " + labels.size() + " labels for " + n + " prompts; give one for each");
        }
        Labels all = Labels.of(labels);
        int[] ofPrompt = all.indices(labels);
        int k = all.size();
        long[] counts = new long[k];
        int leftOut = 0;
        double[] sums = new double[k * k];
        boolean[] hasSelf = new boolean[n];
        for (int i = 0; i < n; i++) {
            Interrupt.checkThisThread();
            hasSelf[i] = !Double.isNaN(values.get(i, i));
            if (!hasSelf[i]) {
                leftOut++;
                continue;
            }
            int a = ofPrompt[i];
            counts[a]++;
            for (int j = 0; j < i; j++) {
                if (hasSelf[j]) {
                    int b = ofPrompt[j];
                    sums[a * k + b] += values.get(i, j);
                    sums[b * k + a] += values.get(j, i);
                }
            }
        }
        return new LabelSimilarity(all.names(), counts, sums, leftOut);
    }

    @Override
    public String toString() {
        return "SimilarityMatrix[" + name + ", " + size() + " prompts]";
    }
}
