package io.modscan.metrics;

import java.util.List;
import java.util.Objects;

/**
 * How alike each prompt is to each other: n × n values in double precision. Immutable; safe for use by many threads.
 */
public final class SimilarityMatrix {

    private final String name;
    private final List<String> ids;
    private final double[] values;

    SimilarityMatrix(String name, List<String> ids, double[] values) {
        this.name = name;
        this.ids = List.copyOf(ids);
        this.values = values;
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
        return values[Objects.checkIndex(i, size()) * size() + Objects.checkIndex(j, size())];
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
    public LabelSimilarity byLabel(List<String> labels) {
        int n = size();
        if (labels.size() != n) {
            throw new IllegalArgumentException(
                    "there are " + labels.size() + " labels for " + n + " prompts; give one for each");
        }
        List<String> names = Labels.namesOf(labels);
        int[] ofPrompt = Labels.indices(labels, names);
        int k = names.size();
        long[] counts = new long[k];
        int leftOut = 0;
        double[] sums = new double[k * k];
        for (int i = 0; i < n; i++) {
            if (Double.isNaN(values[i * n + i])) {
                leftOut++;
                continue;
            }
            counts[ofPrompt[i]]++;
            for (int j = 0; j < n; j++) {
                if (j != i && !Double.isNaN(values[j * n + j])) {
                    sums[ofPrompt[i] * k + ofPrompt[j]] += values[i * n + j];
                }
            }
        }
        return new LabelSimilarity(new Labels(names, counts), sums, leftOut);
    }

    @Override
    public String toString() {
        return "SimilarityMatrix[" + name + ", " + size() + " prompts]";
    }
}
