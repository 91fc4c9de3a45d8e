package io.modscan.metrics.similarity;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How alike prompts are, on average, within labels and between them. Every mean is over ordered pairs of two different
 * prompts, and is NaN where there are none, as within a label of one prompt. Immutable; safe for use by many threads.
 */
public final class LabelSimilarity {

    private final Labels labels;
    private final double[] sums;
    private final long leftOut;

    /**
     * Puts together what was summed.
     *
     * @param names  in natural order
     * @param counts how many prompts of each count
     * @param sums   for each ordered pair of labels, the sum of similarities over pairs of different prompts
     */
    LabelSimilarity(List<String> names, long[] counts, double[] sums, long leftOut) {
        SortedMap<String, Long> counted = new TreeMap<>();
        for (int i = 0; i < counts.length; i++) {
            counted.put(names.get(i), counts[i]);
        }
        this.labels = Labels.counted(counted);
        this.sums = sums;
        this.leftOut = leftOut;
    }

    /**
     * The labels.
     *
     * @return their names, in natural order
     */
    public List<String> labels() {
        return labels.names();
    }

    /**
     * How many prompts with a label the means are over.
     *
     * @param label one of the labels
     * @return their number, without those left out
     * @throws ModscanException if there is no such label; the message lists them
     */
    public long prompts(String label) {
        return labels.count(labels.index(label));
    }

    /**
     * How many prompts no mean counts in, because they have no similarity to themselves: under the cosine, those whose vector
     * has no direction; under measures that are undefined for the set, all.
     *
     * @return their number, of all labels together
     */
    public long leftOut() {
        return leftOut;
    }

    /**
     * The mean similarity of prompts with one label to prompts with another, or to other prompts with the same one.
     *
     * @param a a label
     * @param b another, or the same
     * @return the mean over i of label a and j ≠ i of label b; for a measure that is not symmetric (a, b) and (b, a)
     *     differ; NaN without any pair
     * @throws ModscanException if there is no such label; the message lists them
     */
    public double mean(String a, String b) {
        int i = labels.index(a);
        int j = labels.index(b);
        return sums[i * labels.size() + j] / pairs(i, j);
    }

    /**
     * The mean similarity of prompts that share their label.
     *
     * @return the mean over all pairs of two prompts with the same label, each pair weighing the same; NaN without any
     */
    public double within() {
        return mean(true);
    }

    /**
     * The mean similarity of prompts with different labels.
     *
     * @return the mean over all pairs of two prompts with different labels, each pair weighing the same; NaN without any
     */
    public double between() {
        return mean(false);
    }

    private double mean(boolean same) {
        double sum = 0;
        double pairs = 0;
        for (int i = 0; i < labels.size(); i++) {
            for (int j = 0; j < labels.size(); j++) {
                if ((i == j) == same) {
                    sum += sums[i * labels.size() + j];
                    pairs += pairs(i, j);
                }
            }
        }
        return sum / pairs;
    }

    private double pairs(int i, int j) {
        return (double) labels.count(i) * (i == j ? labels.count(i) - 1 : labels.count(j));
    }

    @Override
    public String toString() {
        return "LabelSimilarity[" + labels() + ", within " + within() + ", between " + between() + "]";
    }
}
