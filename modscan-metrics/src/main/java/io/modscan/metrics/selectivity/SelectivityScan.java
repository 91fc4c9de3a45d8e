package io.modscan.metrics.selectivity;

import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Fills the columns of a {@link SelectivityMap}, unit by unit. Each unit is sorted once, for all labels; sums run in sorted
 * order, so that they come out the same whatever the order of prompts.
 */
final class SelectivityScan {

    private final Labels labels;
    private final int[] labelOf;
    private final MannWhitney[] tests;
    private final Midranks ranks;

    private final double[] rankSums;
    private final double[] sums;

    private final double[] meanIn;
    private final double[] meanOut;
    private final double[] auroc;
    private final double[] p;

    /**
     * Prepares the tests.
     *
     * @param labels  the labels
     * @param labelOf the index of each prompt's
     * @param rows    units × labels
     */
    SelectivityScan(Labels labels, int[] labelOf, int rows) {
        int k = labels.size();
        this.labels = labels;
        this.labelOf = labelOf;
        // Labels of the same size share a test and its table.
        Map<Integer, MannWhitney> bySize = new HashMap<>();
        this.tests = IntStream.range(0, k)
                .mapToObj(label ->
                        bySize.computeIfAbsent((int) labels.count(label), n -> new MannWhitney(n, labelOf.length - n)))
                .toArray(MannWhitney[]::new);
        this.ranks = new Midranks(labelOf.length);
        this.rankSums = new double[k];
        this.sums = new double[k];
        this.meanIn = new double[rows];
        this.meanOut = new double[rows];
        this.auroc = new double[rows];
        this.p = new double[rows];
    }

    SelectivityMap run(List<Site> sites, List<float[][]> vectors) {
        int row = 0;
        for (int s = 0; s < sites.size(); s++) {
            for (int unit = 0; unit < sites.get(s).width(); unit++) {
                if (ranks.rank(vectors.get(s), unit)) {
                    measure(row);
                } else {
                    for (double[] column : List.of(meanIn, meanOut, auroc, p)) {
                        Arrays.fill(column, row, row + labels.size(), Double.NaN);
                    }
                }
                row += labels.size();
            }
        }
        return new SelectivityMap(sites, labels, meanIn, meanOut, auroc, p, BenjaminiHochberg.adjust(p));
    }

    private void measure(int row) {
        Arrays.fill(rankSums, 0);
        Arrays.fill(sums, 0);
        for (int place = 0; place < labelOf.length; place++) {
            int label = labelOf[ranks.index(place)];
            rankSums[label] += ranks.rank(place);
            sums[label] += ranks.value(place);
        }
        // The others' sum is added up, not subtracted from the total: a single label of huge values would drown it.
        double before = 0;
        for (int label = 0; label < labels.size(); label++) {
            meanOut[row + label] = before;
            before += sums[label];
        }
        double behind = 0;
        for (int label = labels.size() - 1; label >= 0; label--) {
            double in = labels.count(label);
            double out = labelOf.length - in;
            meanIn[row + label] = sums[label] / in;
            meanOut[row + label] = (meanOut[row + label] + behind) / out;
            behind += sums[label];
            double u = rankSums[label] - in * (in + 1) / 2;
            auroc[row + label] = u / (in * out);
            p[row + label] = tests[label].twoSided(u, ranks.ties());
        }
    }
}
