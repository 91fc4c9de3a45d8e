package io.modscan.core;

import java.util.List;

/** Hands each piece to several accumulators. */
final class SuiteAccumulator implements Metric.Accumulator<Metric.Results> {

    private final List<Metric<?>> metrics;
    private final List<Metric.Accumulator<?>> accumulators;

    SuiteAccumulator(List<Metric<?>> metrics) {
        this.metrics = metrics;
        this.accumulators =
                metrics.stream().<Metric.Accumulator<?>>map(Metric::start).toList();
    }

    @Override
    public void add(Activations piece) {
        accumulators.forEach(accumulator -> accumulator.add(piece));
    }

    @Override
    public void merge(Metric.Accumulator<Metric.Results> other) {
        for (int i = 0; i < accumulators.size(); i++) {
            merge(accumulators.get(i), ((SuiteAccumulator) other).accumulators.get(i));
        }
    }

    @SuppressWarnings("unchecked") // the same metric started both
    private static <R> void merge(Metric.Accumulator<R> ours, Metric.Accumulator<?> theirs) {
        ours.merge((Metric.Accumulator<R>) theirs);
    }

    @Override
    public Metric.Results finish() {
        return new Metric.Results(
                metrics,
                accumulators.stream().<Object>map(Metric.Accumulator::finish).toList());
    }
}
