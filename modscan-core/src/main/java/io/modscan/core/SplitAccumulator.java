package io.modscan.core;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** Hands the parts of each piece to an accumulator a key. */
final class SplitAccumulator<K, R> implements Metric.Accumulator<Map<K, R>> {

    private final Metric<R> metric;
    private final Function<? super Activations, ? extends Map<K, Activations>> parts;
    private final Map<K, Metric.Accumulator<R>> byKey = new LinkedHashMap<>();

    SplitAccumulator(Metric<R> metric, Function<? super Activations, ? extends Map<K, Activations>> parts) {
        this.metric = metric;
        this.parts = parts;
    }

    @Override
    public void add(Activations piece) {
        parts.apply(piece)
                .forEach((key, part) ->
                        byKey.computeIfAbsent(key, k -> metric.start()).add(part));
    }

    @Override
    public void merge(Metric.Accumulator<Map<K, R>> other) {
        ((SplitAccumulator<K, R>) other).byKey.forEach((key, theirs) -> {
            Metric.Accumulator<R> ours = byKey.putIfAbsent(key, theirs);
            if (ours != null) {
                ours.merge(theirs);
            }
        });
    }

    @Override
    public Map<K, R> finish() {
        Map<K, R> results = new LinkedHashMap<>();
        byKey.forEach((key, accumulator) -> results.put(key, accumulator.finish()));
        return results;
    }
}
