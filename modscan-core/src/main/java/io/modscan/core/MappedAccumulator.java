package io.modscan.core;

import java.util.function.Function;

/** Makes something else of the result. */
record MappedAccumulator<R, T>(Metric.Accumulator<R> inner, Function<? super R, ? extends T> function)
        implements Metric.Accumulator<T> {

    @Override
    public void add(Activations piece) {
        inner.add(piece);
    }

    @Override
    @SuppressWarnings("unchecked") // the contract: the same metric started both
    public void merge(Metric.Accumulator<T> other) {
        inner.merge(((MappedAccumulator<R, T>) other).inner);
    }

    @Override
    public T finish() {
        return function.apply(inner.finish());
    }
}
