package io.modscan.metrics.similarity;

import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.prompt.Prompt;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * How alike each prompt is to each other: n × n values in double precision. Immutable; safe for use by many threads.
 */
public final class SimilarityMatrix {

    /** The largest n whose n² values fit in an array. */
    private static final int MOST_PROMPTS = 46_340;

    private final String name;
    private final List<String> ids;
    private final double[] values;

    SimilarityMatrix(String name, List<String> ids, double[] values) {
        this.name = name;
        this.ids = List.copyOf(ids);
        this.values = values;
    }

    /** A metric of the vectors of all prompts at one site. */
    static Metric<SimilarityMatrix> metric(String name, Function<float[][], double[]> compare) {
        return Metric.whole(activations -> {
            int n = activations.prompts().size();
            if (n > MOST_PROMPTS) {
                throw new ModscanException("a similarity matrix holds at most " + MOST_PROMPTS + " prompts, not " + n
                        + "; for means over labels, Cosine.byLabel takes any number");
            }
            float[][] vectors = activations.onlySite().vectors();
            return new SimilarityMatrix(
                    name, activations.prompts().stream().map(Prompt::id).toList(), compare.apply(vectors));
        });
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
        Labels all = Labels.of(labels);
        int[] ofPrompt = all.indices(labels);
        int k = all.size();
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
        return new LabelSimilarity(all.names(), counts, sums, leftOut);
    }

    @Override
    public String toString() {
        return "SimilarityMatrix[" + name + ", " + size() + " prompts]";
    }
}
