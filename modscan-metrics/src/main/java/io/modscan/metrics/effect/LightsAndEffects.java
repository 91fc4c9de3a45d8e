package io.modscan.metrics.effect;

import io.modscan.metrics.internal.rank.Midranks;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/** Whether effects go with what lights up, or with other effects: Spearman's rank correlation, which is Pearson's of midranks. */
final class LightsAndEffects {

    private LightsAndEffects() {}

    static double correlation(EffectMap effects, SelectivityMap lights, ToDoubleFunction<? super UnitEffect> of) {
        Set<String> known = new HashSet<>(lights.labels());
        List<double[]> pairs = new ArrayList<>();
        effects.rows()
                .filter(row -> row.units() == 1
                        && known.contains(row.label())
                        && lights.sites().contains(row.unit().site()))
                .forEach(row -> {
                    double auroc = lights.get(row.unit(), row.label()).auroc();
                    add(auroc, of.applyAsDouble(row), pairs);
                });
        return correlation(pairs);
    }

    static double correlation(EffectMap effects, EffectMap others, ToDoubleFunction<? super UnitEffect> of) {
        Map<List<String>, Double> known = new HashMap<>();
        others.rows().forEach(row -> known.put(List.of(row.target(), row.label()), of.applyAsDouble(row)));
        List<double[]> pairs = new ArrayList<>();
        effects.rows()
                .forEach(row -> add(
                        known.getOrDefault(List.of(row.target(), row.label()), Double.NaN),
                        of.applyAsDouble(row),
                        pairs));
        return correlation(pairs);
    }

    private static void add(double one, double other, List<double[]> pairs) {
        if (Double.isFinite(one) && Double.isFinite(other)) {
            pairs.add(new double[] {one, other});
        }
    }

    private static double correlation(List<double[]> pairs) {
        return pairs.isEmpty() ? Double.NaN : pearson(ranks(pairs, 0), ranks(pairs, 1));
    }

    private static double[] ranks(List<double[]> pairs, int which) {
        float[] values = new float[pairs.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) pairs.get(i)[which];
        }
        Midranks midranks = new Midranks(values.length);
        double[] ranks = new double[values.length];
        if (midranks.rank(values, 0)) {
            for (int place = 0; place < ranks.length; place++) {
                ranks[midranks.index(place)] = midranks.rank(place);
            }
        }
        return ranks;
    }

    /** Both have the mean rank of so many values. */
    private static double pearson(double[] one, double[] other) {
        double mean = (one.length + 1) / 2.0;
        double products = 0;
        double squares = 0;
        double otherSquares = 0;
        for (int i = 0; i < one.length; i++) {
            products += (one[i] - mean) * (other[i] - mean);
            squares += (one[i] - mean) * (one[i] - mean);
            otherSquares += (other[i] - mean) * (other[i] - mean);
        }
        return products / Math.sqrt(squares * otherSquares);
    }
}
