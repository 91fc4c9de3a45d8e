package io.modscan.metrics;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Keeps the vectors of one site, and compares them at the end. */
final class PairwiseAccumulator implements Metric.Accumulator<SimilarityMatrix> {

    /** The largest n whose n² values fit in an array. */
    private static final int MOST_PROMPTS = 46_340;

    private final String name;
    private final Function<List<float[]>, double[]> compare;
    private final Pieces pieces = new Pieces();
    private final List<String> ids = new ArrayList<>();
    private final List<float[]> vectors = new ArrayList<>();

    PairwiseAccumulator(String name, Function<List<float[]>, double[]> compare) {
        this.name = name;
        this.compare = compare;
    }

    @Override
    public void add(Activations piece) {
        SiteActivations site = Pieces.onlySite(piece);
        pieces.accept(List.of(site));
        piece.prompts().stream().map(Prompt::id).forEach(ids::add);
        for (int i = 0; i < site.size(); i++) {
            vectors.add(site.vector(i));
        }
    }

    @Override
    public void merge(Metric.Accumulator<SimilarityMatrix> other) {
        PairwiseAccumulator theirs = (PairwiseAccumulator) other;
        if (pieces.accept(theirs.pieces)) {
            ids.addAll(theirs.ids);
            vectors.addAll(theirs.vectors);
        }
    }

    @Override
    public SimilarityMatrix finish() {
        pieces.readings();
        if (ids.size() > MOST_PROMPTS) {
            throw new ModscanException("a similarity matrix holds at most " + MOST_PROMPTS + " prompts, not "
                    + ids.size() + "; for means over labels, Cosine.byLabel takes any number");
        }
        return new SimilarityMatrix(name, ids, compare.apply(vectors));
    }
}
