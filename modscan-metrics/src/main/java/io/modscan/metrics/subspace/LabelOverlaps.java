package io.modscan.metrics.subspace;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.List;

/** How the subspaces of a site's labels lie to each other, pair by pair. Immutable; safe for use by many threads. */
public final class LabelOverlaps {

    private final Labels labels;
    private final List<Subspace> subspaces;
    private final List<LabelOverlap> pairs;
    private final AgainstShuffles all;

    /**
     * Puts together what was measured.
     *
     * @param subspaces one a label
     * @param pairs     (0, 1), (0, 2), …, (1, 2), …
     * @param all       the mean overlap of differences, against shuffles of all labels
     */
    LabelOverlaps(Labels labels, List<Subspace> subspaces, List<LabelOverlap> pairs, AgainstShuffles all) {
        this.labels = labels;
        this.subspaces = List.copyOf(subspaces);
        this.pairs = List.copyOf(pairs);
        this.all = all;
    }

    /**
     * The labels.
     *
     * @return their names, in natural order; at least two
     */
    public List<String> labels() {
        return labels.names();
    }

    /**
     * The subspace of a label.
     *
     * @param label one of the labels
     * @return where its prompts vary most
     * @throws ModscanException if there is no such label; the message lists them
     */
    public Subspace subspace(String label) {
        return subspaces.get(labels.index(label));
    }

    /**
     * All pairs of two different labels.
     *
     * @return a row a pair, in natural order of the first label, then of the second
     */
    public List<LabelOverlap> pairs() {
        return pairs;
    }

    /**
     * The row of two labels.
     *
     * @param a a label
     * @param b another; the order of the two makes no difference
     * @return their row
     * @throws ModscanException         if there is no such label; the message lists them
     * @throws IllegalArgumentException if they are the same
     */
    public LabelOverlap get(String a, String b) {
        int first = Math.min(labels.index(a), labels.index(b));
        int second = Math.max(labels.index(a), labels.index(b));
        if (first == second) {
            throw new IllegalArgumentException("'" + a + "' is asked for twice; a pair is of two labels");
        }
        // Before the rows of a first label come all those of the labels before it.
        return pairs.get(first * (2 * labels.size() - first - 1) / 2 + second - first - 1);
    }

    /**
     * The mean overlap of all pairs that have one.
     *
     * @return the mean, in [0, 1]; NaN if none has
     */
    public double meanOverlap() {
        return pairs.stream()
                .mapToDouble(LabelOverlap::overlap)
                .filter(overlap -> !Double.isNaN(overlap))
                .average()
                .orElse(Double.NaN);
    }

    /**
     * The overlap that is tested, that of differences between two prompts of a label: the mean of {@link LabelOverlap#paired} over
     * all pairs of labels that have one.
     *
     * @return the mean, in [0, 1]; NaN if none has
     */
    public double meanPaired() {
        return all.observed();
    }

    /**
     * What {@link #meanPaired} is when the differences are shuffled among all labels.
     *
     * @return the mean over shuffles; NaN without any
     */
    public double shuffledMean() {
        return all.mean();
    }

    /**
     * Whether labels vary in different directions at this site at all: the probability of a {@link #meanPaired} as small as this,
     * or smaller, if the prompts of all labels vary alike.
     *
     * @return (1 + shuffles that overlap no more) / (1 + shuffles), in (0, 1]; NaN without shuffles, or without an overlap
     */
    public double p() {
        return all.p();
    }

    @Override
    public String toString() {
        return "LabelOverlaps[" + labels() + ", mean overlap " + meanOverlap() + ", of pairs " + meanPaired()
                + ", shuffled "
                + shuffledMean() + ", p "
                + p() + "]";
    }
}
