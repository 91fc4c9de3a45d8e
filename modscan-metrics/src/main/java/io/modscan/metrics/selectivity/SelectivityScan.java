package io.modscan.metrics.selectivity;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.rank.Midranks;
import io.modscan.metrics.internal.rank.Moments;
import io.modscan.metrics.internal.rank.TiedMannWhitney;
import java.util.Arrays;
import java.util.List;

/**
 * Fills the columns of a {@link SelectivityMap} from all values. Each unit is sorted once, for all labels; sums run in sorted
 * order, so that they come out the same whatever the order of prompts.
 */
final class SelectivityScan {

    private SelectivityScan() {}

    /**
     * The labels of activations that are to be set against each other. Throws if a site has not one vector a prompt, or there
     * are fewer than two labels.
     */
    static Labels labels(Activations activations, String key) {
        activations.sites().forEach(site -> site.vector(0));
        return Labels.of(activations.prompts().labels(key)).atLeastTwo(key);
    }

    /**
     * Measures.
     *
     * @param labels the labels of these prompts, and how many of them have each; there may be labels that none has
     */
    static SelectivityMap run(Activations activations, String key, Labels labels) {
        List<Site> sites =
                activations.sites().stream().map(SiteActivations::site).toList();
        SelectivityColumns columns = new SelectivityColumns(UnitTable.rows(sites, labels), labels.size(), true);
        UnitMeasures measures = new UnitMeasures(labels);
        TiedMannWhitney tiedTests =
                new TiedMannWhitney(labels, activations.prompts().size());
        int[] labelOf = labels.indices(activations.prompts().labels(key));
        UnitColumns.forEach(activations.sites(), () -> new Ranking(labels, labelOf, measures, tiedTests, columns));
        return new SelectivityMap(sites, labels, columns, activations.nonFinite());
    }

    private static final class Ranking implements UnitColumns.Visitor {
        private final int[] labelOf;
        private final UnitMeasures measures;
        private final TiedMannWhitney tiedTests;
        private final SelectivityColumns columns;
        private final Midranks ranks;
        private final double[] rankSums;
        private final Moments moments;

        Ranking(
                Labels labels,
                int[] labelOf,
                UnitMeasures measures,
                TiedMannWhitney tiedTests,
                SelectivityColumns columns) {
            this.labelOf = labelOf;
            this.measures = measures;
            this.tiedTests = tiedTests;
            this.columns = columns;
            this.ranks = new Midranks(labelOf.length);
            this.rankSums = new double[labels.size()];
            this.moments = new Moments(labels.size());
            Arrays.setAll(moments.count, labels::count);
        }

        @Override
        public void visit(int unit, float[] values, int from) {
            if (!ranks.rank(values, from)) {
                columns.missing(unit);
                return;
            }
            double[] mean = moments.mean;
            double[] squares = moments.squares;
            Arrays.fill(rankSums, 0);
            Arrays.fill(mean, 0);
            Arrays.fill(squares, 0);
            for (int place = 0; place < labelOf.length; place++) {
                int label = labelOf[ranks.index(place)];
                rankSums[label] += ranks.rank(place);
                mean[label] += ranks.value(place);
            }
            for (int label = 0; label < mean.length; label++) {
                mean[label] /= moments.count[label];
            }
            for (int place = 0; place < labelOf.length; place++) {
                int label = labelOf[ranks.index(place)];
                double apart = ranks.value(place) - mean[label];
                squares[label] += apart * apart;
            }
            moments.others();
            measures.fill(columns, unit, rankSums, ranks.ties(), moments);
            if (ranks.ties() > 0) {
                tiedTests.replace(ranks, rankSums, columns.p, unit * rankSums.length);
            }
        }
    }
}
