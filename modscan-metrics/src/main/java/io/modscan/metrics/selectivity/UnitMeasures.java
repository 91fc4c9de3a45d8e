package io.modscan.metrics.selectivity;

import io.modscan.core.prompt.Labels;
import io.modscan.metrics.internal.rank.HedgesG;
import io.modscan.metrics.internal.rank.KruskalWallis;
import io.modscan.metrics.internal.rank.MannWhitney;
import io.modscan.metrics.internal.rank.Moments;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;

/** Makes the numbers of a unit of its rank sums and moments. Immutable. */
final class UnitMeasures {

    private final double[] counts;
    private final double all;
    private final MannWhitney[] rankTests;
    private final HedgesG[] effects;
    private final KruskalWallis kruskal;

    /** Prepares for samples of these sizes. */
    UnitMeasures(Labels labels) {
        this.counts =
                IntStream.range(0, labels.size()).mapToDouble(labels::count).toArray();
        long n = IntStream.range(0, labels.size()).mapToLong(labels::count).sum();
        this.all = n;
        // Labels of the same size share a test and its table.
        Map<Long, MannWhitney> bySize = new HashMap<>();
        this.rankTests = IntStream.range(0, labels.size())
                .mapToObj(label -> bySize.computeIfAbsent(labels.count(label), in -> new MannWhitney(in, n - in)))
                .toArray(MannWhitney[]::new);
        this.effects = IntStream.range(0, labels.size())
                .mapToObj(label -> new HedgesG(labels.count(label), n - labels.count(label)))
                .toArray(HedgesG[]::new);
        this.kruskal = new KruskalWallis(counts);
    }

    /**
     * Fills in a unit's numbers.
     *
     * @param rankSums each label's
     * @param ties     the sum of t³ − t over groups of t equal values
     * @param moments  each label's, and the others'
     */
    void fill(SelectivityColumns columns, int unit, double[] rankSums, double ties, Moments moments) {
        for (int label = 0; label < counts.length; label++) {
            int row = unit * counts.length + label;
            double in = counts[label];
            double out = all - in;
            double u = rankSums[label] - in * (in + 1) / 2;
            columns.meanIn[row] = moments.mean[label];
            columns.meanOut[row] = moments.outMean[label];
            columns.hedgesG[row] = effects[label].of(
                    moments.mean[label] - moments.outMean[label], moments.squares[label] + moments.outSquares[label]);
            // Of no pairs this is 0/0.
            columns.auroc[row] = u / (in * out);
            columns.p[row] = rankTests[label].twoSided(u, ties);
        }
        columns.kruskalP[unit] = kruskal.p(rankSums, ties);
    }
}
