package io.modscan.metrics.tokens;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.token.PromptTokens;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Where the labels of a prompt stand among the tokens that count: those that have a vector, without BOS. Never changed. */
final class LabelledPrompt {

    final String id;

    /** How many vectors in front don't count. */
    final int skip;

    /** How many tokens count. */
    final int tokens;

    /** For each token the index of its bin in {@code bins}. */
    final int[] binOf;

    /** The bins of positions that tokens are in, ascending. */
    final int[] bins;

    /** How many tokens are in each. */
    final int[] counts;

    /** The labels that stand on at least one token, in natural order. */
    final List<Placed> labels;

    private LabelledPrompt(String id, int skip, int tokens, int[] binOf, int[] bins, List<Placed> labels) {
        this.id = id;
        this.skip = skip;
        this.tokens = tokens;
        this.binOf = binOf;
        this.bins = bins;
        this.counts = counts(binOf, bins.length);
        this.labels = List.copyOf(labels);
    }

    /** A label's place. Never changed. */
    static final class Placed {
        final String label;

        /** The indices of its tokens. */
        final int[] at;

        /** How many of these are in each bin. */
        final int[] inBins;

        /** Whether no token is without it. */
        final boolean isInAll;

        private Placed(String label, int[] at, int[] inBins, boolean isInAll) {
            this.label = label;
            this.at = at;
            this.inBins = inBins;
            this.isInAll = isInAll;
        }
    }

    static LabelledPrompt of(Activations activations, int prompt, TokenLabels labels) {
        String id = activations.prompts().get(prompt).id();
        PromptTokens all = activations.tokens(prompt);
        if (all.size() == 0 && !activations.knowsBos(prompt)) {
            throw new ModscanException(
                    "the tokens of the prompt '" + id + "' are not known, so neither are their labels");
        }
        boolean hasBos = activations.knowsBos(prompt) && activations.beginsWithBos(prompt);
        int skip = hasBos && all.keptSize() > 0 && all.kept()[0] == 0 ? 1 : 0;
        PromptTokens tokens = hasBos ? all.withoutFirst() : all;
        int[] kept = tokens.kept();
        TokenRanks.checkLength(id, kept.length);
        int[] binsOfTokens = Arrays.stream(kept).map(PositionBins::of).toArray();
        int[] bins = Arrays.stream(binsOfTokens).distinct().toArray();
        int[] binOf = Arrays.stream(binsOfTokens)
                .map(bin -> Arrays.binarySearch(bins, bin))
                .toArray();
        List<Placed> placed = new ArrayList<>();
        for (Map.Entry<String, int[]> label : labels.of(tokens).entrySet()) {
            int[] at = indices(id, label.getKey(), label.getValue(), tokens.size(), kept);
            if (at.length > 0) {
                placed.add(new Placed(
                        label.getKey(),
                        at,
                        counts(Arrays.stream(at).map(token -> binOf[token]).toArray(), bins.length),
                        at.length == kept.length));
            }
        }
        return new LabelledPrompt(id, skip, kept.length, binOf, bins, placed);
    }

    private static int[] indices(String id, String label, int[] positions, int tokens, int[] kept) {
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] < (i == 0 ? 0 : positions[i - 1] + 1) || positions[i] >= tokens) {
                throw new ModscanException("the positions " + Arrays.toString(positions) + " of the label '" + label
                        + "' in the prompt '" + id + "' are not ascending indices of its " + tokens + " tokens");
            }
        }
        return Arrays.stream(positions)
                .map(position -> Arrays.binarySearch(kept, position))
                .filter(index -> index >= 0)
                .toArray();
    }

    private static int[] counts(int[] bins, int number) {
        int[] counts = new int[number];
        for (int bin : bins) {
            counts[bin]++;
        }
        return counts;
    }

    /** Adds up, for a label, the share of its tokens less the share of the others over bins: what a profile over positions makes of the two. */
    double profiled(Placed label, double[] profile) {
        double in = 0;
        double out = 0;
        for (int i = 0; i < bins.length; i++) {
            in += label.inBins[i] * profile[bins[i]];
            out += (counts[i] - label.inBins[i]) * profile[bins[i]];
        }
        return in / label.at.length - out / (tokens - label.at.length);
    }
}
