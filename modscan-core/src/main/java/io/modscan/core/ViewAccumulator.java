package io.modscan.core;

import java.util.function.UnaryOperator;

/** Hands on what a view makes of each piece. */
record ViewAccumulator<R>(Metric.Accumulator<R> inner, UnaryOperator<Activations> view)
        implements Metric.Accumulator<R> {

    @Override
    public void add(Activations piece) {
        inner.add(view.apply(piece));
    }

    @Override
    public void merge(Metric.Accumulator<R> other) {
        inner.merge(((ViewAccumulator<R>) other).inner);
    }

    @Override
    public R finish() {
        return inner.finish();
    }
}
