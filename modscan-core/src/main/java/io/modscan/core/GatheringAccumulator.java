package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.CapturePlan.Reading;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** Gathers in a state, and sees to it that all pieces are of the same readings. */
final class GatheringAccumulator<A, R> implements Metric.Accumulator<R> {

    private final A state;
    private final BiConsumer<A, Activations> add;
    private final BiConsumer<A, A> merge;
    private final Function<A, R> finish;
    private List<Reading> readings = List.of();

    GatheringAccumulator(A state, BiConsumer<A, Activations> add, BiConsumer<A, A> merge, Function<A, R> finish) {
        this.state = state;
        this.add = add;
        this.merge = merge;
        this.finish = finish;
    }

    @Override
    public void add(Activations piece) {
        List<Reading> now = piece.sites().stream().map(SiteActivations::reading).toList();
        checkSame(now);
        add.accept(state, piece);
        readings = now;
    }

    @Override
    @SuppressWarnings("unchecked") // the contract: the same metric started both
    public void merge(Metric.Accumulator<R> other) {
        GatheringAccumulator<A, R> theirs = (GatheringAccumulator<A, R>) other;
        if (!theirs.readings.isEmpty()) {
            checkSame(theirs.readings);
            merge.accept(state, theirs.state);
            readings = theirs.readings;
        }
    }

    private void checkSame(List<Reading> now) {
        if (!readings.isEmpty() && !readings.equals(now)) {
            throw new ModscanException("all pieces of a measurement are of the same sites and poolings; before came "
                    + readings + ", now " + now);
        }
    }

    @Override
    public R finish() {
        if (readings.isEmpty()) {
            throw new ModscanException("there is no result before any activations were added");
        }
        return finish.apply(state);
    }
}
