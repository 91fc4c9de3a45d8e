package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Reading;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** What the metrics that {@link Metric} builds have gathered so far, a kind each. */
final class Accumulators {

    private Accumulators() {}

    /** Gathers in a state, and sees to it that all pieces are of the same readings. */
    static final class Gathering<A, R> implements Metric.Accumulator<R> {

        private final A state;
        private final BiConsumer<A, Activations> add;
        private final BiConsumer<A, A> merge;
        private final Function<A, R> finish;
        private List<Reading> readings = List.of();

        Gathering(A state, BiConsumer<A, Activations> add, BiConsumer<A, A> merge, Function<A, R> finish) {
            this.state = state;
            this.add = add;
            this.merge = merge;
            this.finish = finish;
        }

        @Override
        public void add(Activations piece) {
            checkInterrupt();
            List<Reading> now =
                    piece.sites().stream().map(SiteActivations::reading).toList();
            checkSame(now);
            add.accept(state, piece);
            readings = now;
        }

        @Override
        @SuppressWarnings("unchecked") // the contract: the same metric started both
        public void merge(Metric.Accumulator<R> other) {
            Gathering<A, R> theirs = (Gathering<A, R>) other;
            if (!theirs.readings.isEmpty()) {
                checkSame(theirs.readings);
                merge.accept(state, theirs.state);
                readings = theirs.readings;
            }
        }

        private static void checkInterrupt() {
            if (Thread.currentThread().isInterrupted()) {
                throw new CancellationException("interrupted while it was measured");
            }
        }

        private void checkSame(List<Reading> now) {
            if (!readings.isEmpty() && !readings.equals(now)) {
                throw new ModscanException(
                        "all pieces of a measurement are of the same sites and poolings; before came " + readings
                                + ", now " + now);
            }
        }

        @Override
        public R finish() {
            if (readings.isEmpty()) {
                throw new ModscanException("there is no result before any activations were added");
            }
            checkInterrupt();
            return finish.apply(state);
        }
    }

    /** Makes something else of the result. */
    record Mapped<R, T>(Metric.Accumulator<R> inner, Function<? super R, ? extends T> function)
            implements Metric.Accumulator<T> {

        @Override
        public void add(Activations piece) {
            inner.add(piece);
        }

        @Override
        @SuppressWarnings("unchecked") // the contract: the same metric started both
        public void merge(Metric.Accumulator<T> other) {
            inner.merge(((Mapped<R, T>) other).inner);
        }

        @Override
        public T finish() {
            return function.apply(inner.finish());
        }
    }

    /** Hands the parts of each piece to an accumulator a key. */
    static final class Split<K, R> implements Metric.Accumulator<Map<K, R>> {

        private final Metric<R> metric;
        private final Function<? super Activations, ? extends Map<K, Activations>> parts;
        private final Map<K, Metric.Accumulator<R>> byKey = new LinkedHashMap<>();

        Split(Metric<R> metric, Function<? super Activations, ? extends Map<K, Activations>> parts) {
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
            ((Split<K, R>) other).byKey.forEach((key, theirs) -> {
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

    /** Hands each piece to several accumulators. */
    static final class Suite implements Metric.Accumulator<Metric.Results> {

        private final List<Metric<?>> metrics;
        private final List<Metric.Accumulator<?>> accumulators;

        Suite(List<Metric<?>> metrics) {
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
                merge(accumulators.get(i), ((Suite) other).accumulators.get(i));
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
                    accumulators.stream()
                            .<Object>map(Metric.Accumulator::finish)
                            .toList());
        }
    }

    /** Hands on what a view makes of each piece. */
    record View<R>(Metric.Accumulator<R> inner, UnaryOperator<Activations> view) implements Metric.Accumulator<R> {

        @Override
        public void add(Activations piece) {
            inner.add(view.apply(piece));
        }

        @Override
        public void merge(Metric.Accumulator<R> other) {
            inner.merge(((View<R>) other).inner);
        }

        @Override
        public R finish() {
            return inner.finish();
        }
    }
}
