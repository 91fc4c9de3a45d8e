package io.modscan.core;

import io.modscan.core.site.Site;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * A recipe that consumes activations in any number of pieces and gives a result. The same metric serves one capture in
 * memory, pieces of a stream, and the parts that several threads have gathered and merge. Immutable.
 *
 * @param <R> the result
 */
@FunctionalInterface
public interface Metric<R> {

    /**
     * Starts a measurement.
     *
     * @return an accumulator that has seen nothing
     */
    Accumulator<R> start();

    /**
     * What a metric has gathered so far. Not safe for use by several threads.
     *
     * @param <R> the result
     */
    interface Accumulator<R> {

        /**
         * Takes in a piece. The piece is not changed and not kept.
         *
         * @param piece activations of further prompts
         * @throws io.modscan.core.error.ModscanException if the piece is not what the metric measures
         */
        void add(Activations piece);

        /**
         * Takes in what another accumulator has gathered, as if this one had seen the other's pieces behind its own.
         *
         * @param other one that the same metric started; it is not to be used again
         */
        void merge(Accumulator<R> other);

        /**
         * Gives the result for what was gathered.
         *
         * @return the result
         * @throws io.modscan.core.error.ModscanException if too little was gathered for there to be one
         */
        R finish();
    }

    /**
     * The same measurement with its result made into something else.
     *
     * @param function applied to the result
     * @param <T>      the new result
     * @return a metric
     */
    default <T> Metric<T> map(Function<? super R, ? extends T> function) {
        return () -> new MappedAccumulator<>(start(), function);
    }

    /**
     * The same measurement on each site by itself, for a metric that takes one site.
     *
     * @return a metric that gives a result a site, in order of the sites
     */
    default Metric<Map<Site, R>> perSite() {
        return () -> new PerSiteAccumulator<>(this);
    }
}

final class MappedAccumulator<R, T> implements Metric.Accumulator<T> {
    private final Metric.Accumulator<R> inner;
    private final Function<? super R, ? extends T> function;

    MappedAccumulator(Metric.Accumulator<R> inner, Function<? super R, ? extends T> function) {
        this.inner = inner;
        this.function = function;
    }

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

final class PerSiteAccumulator<R> implements Metric.Accumulator<Map<Site, R>> {
    private final Metric<R> metric;
    private final Map<Site, Metric.Accumulator<R>> bySite = new LinkedHashMap<>();

    PerSiteAccumulator(Metric<R> metric) {
        this.metric = metric;
    }

    @Override
    public void add(Activations piece) {
        for (SiteActivations site : piece.sites()) {
            bySite.computeIfAbsent(site.site(), s -> metric.start()).add(site.alone());
        }
    }

    @Override
    public void merge(Metric.Accumulator<Map<Site, R>> other) {
        ((PerSiteAccumulator<R>) other).bySite.forEach((site, theirs) -> {
            Metric.Accumulator<R> ours = bySite.putIfAbsent(site, theirs);
            if (ours != null) {
                ours.merge(theirs);
            }
        });
    }

    @Override
    public Map<Site, R> finish() {
        Map<Site, R> results = new LinkedHashMap<>();
        bySite.forEach((site, accumulator) -> results.put(site, accumulator.finish()));
        return results;
    }
}
