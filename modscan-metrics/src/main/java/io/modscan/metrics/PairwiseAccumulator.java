package io.modscan.metrics;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.CapturePlan.Reading;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Keeps the vectors of one site, and compares them at the end. */
final class PairwiseAccumulator implements Metric.Accumulator<SimilarityMatrix> {

    /** The largest n whose n² values fit in an array. */
    private static final int MOST_PROMPTS = 46_340;

    private final String name;
    private final Function<List<float[]>, double[]> compare;
    private final List<Reading> reading = new ArrayList<>();
    private final List<String> ids = new ArrayList<>();
    private final List<float[]> vectors = new ArrayList<>();

    PairwiseAccumulator(String name, Function<List<float[]>, double[]> compare) {
        this.name = name;
        this.compare = compare;
    }

    @Override
    public void add(Activations piece) {
        SiteActivations site = PromptVectors.onlySite(piece);
        accept(List.of(PromptVectors.reading(site)));
        piece.prompts().stream().map(Prompt::id).forEach(ids::add);
        for (int i = 0; i < site.size(); i++) {
            vectors.add(PromptVectors.get(site, i));
        }
    }

    @Override
    public void merge(Metric.Accumulator<SimilarityMatrix> other) {
        PairwiseAccumulator theirs = (PairwiseAccumulator) other;
        if (theirs.reading.isEmpty()) {
            return;
        }
        accept(theirs.reading);
        ids.addAll(theirs.ids);
        vectors.addAll(theirs.vectors);
    }

    private void accept(List<Reading> now) {
        if (reading.isEmpty()) {
            reading.addAll(now);
        } else {
            PromptVectors.checkSame(reading, now);
        }
    }

    @Override
    public SimilarityMatrix finish() {
        if (ids.isEmpty()) {
            throw PromptVectors.nothingAdded();
        }
        if (ids.size() > MOST_PROMPTS) {
            throw new ModscanException("a similarity matrix holds at most " + MOST_PROMPTS + " prompts, not "
                    + ids.size() + "; for means over labels, Cosine.byLabel takes any number");
        }
        return new SimilarityMatrix(name, ids, compare.apply(vectors));
    }
}
