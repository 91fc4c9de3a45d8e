package io.modscan.scan;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** A suite of metrics that take in each piece at the same time, each on one thread. Named first are those that take longest. */
final class SideBySide implements Metric<SideBySide.Results> {

    private final List<Metric<?>> metrics;

    SideBySide(Metric<?>... metrics) {
        this.metrics = List.of(metrics);
    }

    /** What each gave. */
    static final class Results {
        private final List<Metric<?>> metrics;
        private final List<Object> results;

        Results(List<Metric<?>> metrics, List<Object> results) {
            this.metrics = metrics;
            this.results = results;
        }

        @SuppressWarnings("unchecked") // what stands at the metric's place is its own
        <R> R of(Metric<R> metric) {
            return (R) results.get(metrics.indexOf(metric));
        }
    }

    @Override
    public Accumulator<Results> start() {
        return new Gathering(metrics);
    }

    /** Gathers the same, and leaves it to who measures when to finish. */
    Metric<Accumulator<Results>> unfinished() {
        return Metric.of(this::start, Accumulator::add, Accumulator::merge, gathered -> gathered);
    }

    private static final class Gathering implements Accumulator<Results> {
        private final List<Metric<?>> metrics;
        private final List<Accumulator<?>> accumulators;

        Gathering(List<Metric<?>> metrics) {
            this.metrics = metrics;
            this.accumulators =
                    metrics.stream().<Accumulator<?>>map(Metric::start).toList();
        }

        @Override
        public void add(Activations piece) {
            List<Runnable> work = new ArrayList<>();
            accumulators.forEach(accumulator -> work.add(() -> accumulator.add(piece)));
            Together.run(work);
        }

        @Override
        public void merge(Accumulator<Results> other) {
            throw new UnsupportedOperationException("one pass over the prompts merges nothing");
        }

        @Override
        public Results finish() {
            List<Supplier<Object>> work = new ArrayList<>();
            accumulators.forEach(accumulator -> work.add(accumulator::finish));
            return new Results(metrics, Together.of(work));
        }
    }
}
