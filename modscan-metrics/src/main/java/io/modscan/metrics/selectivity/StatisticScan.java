package io.modscan.metrics.selectivity;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.prompt.Labels;
import io.modscan.core.site.Site;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Hands a unit's values to a statistic, label by label, and sorted, so that the order of prompts does not matter. */
final class StatisticScan implements UnitColumns.Visitor {

    private final UnitStatistic statistic;
    private final int[] labelOf;
    private final double[] values;
    private final float[][] in;
    private final float[][] out;
    private final int[] filled;

    private StatisticScan(UnitStatistic statistic, Labels labels, int[] labelOf, double[] values) {
        this.statistic = statistic;
        this.labelOf = labelOf;
        this.values = values;
        this.in = IntStream.range(0, labels.size())
                .mapToObj(label -> new float[(int) labels.count(label)])
                .toArray(float[][]::new);
        this.out = Arrays.stream(in)
                .map(label -> new float[labelOf.length - label.length])
                .toArray(float[][]::new);
        this.filled = new int[labels.size()];
    }

    static UnitValues run(String name, Activations activations, String key, UnitStatistic statistic) {
        Labels labels = SelectivityScan.labels(activations, key);
        int[] labelOf = labels.indices(activations.prompts().labels(key));
        List<Site> sites =
                activations.sites().stream().map(SiteActivations::site).toList();
        double[] values = new double[UnitTable.rows(sites, labels)];
        UnitColumns.forEach(activations.sites(), () -> new StatisticScan(statistic, labels, labelOf, values));
        return new UnitValues(name, sites, labels, values);
    }

    @Override
    public void visit(int unit, float[] column, int from) {
        Arrays.fill(filled, 0);
        for (int prompt = 0; prompt < labelOf.length; prompt++) {
            int label = labelOf[prompt];
            in[label][filled[label]++] = column[from + prompt];
        }
        for (int label = 0; label < in.length; label++) {
            int at = 0;
            for (int other = 0; other < in.length; other++) {
                if (other != label) {
                    System.arraycopy(in[other], 0, out[label], at, in[other].length);
                    at += in[other].length;
                }
            }
            Arrays.sort(out[label]);
        }
        for (int label = 0; label < in.length; label++) {
            Arrays.sort(in[label]);
            values[unit * in.length + label] = statistic.of(in[label], out[label]);
        }
    }
}
