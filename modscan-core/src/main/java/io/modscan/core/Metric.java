package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Site;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * A recipe that consumes activations in any number of pieces and gives a result. The same metric serves one capture in
 * memory, pieces of a stream, and the parts that several threads have gathered and merge. Immutable.
 *
 * <p>Metrics are built from metrics: {@link #map} changes the result, {@link #through} what is measured, {@link #perSite},
 * {@link #perHead}, {@link #perLayer}, {@link #byLabel} and {@link #split} measure parts by themselves, {@link #both} and
 * {@link #suite} measure several things in one pass. A metric of one's own is {@link #whole} where all values are needed at
 * once, or {@link #of} where they can be gathered piece by piece.
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
     * <p>What takes longer than a second looks at its thread's interrupt meanwhile, and throws a
     * {@link java.util.concurrent.CancellationException}, with the interrupt status still set. The metrics that {@link Metric}
     * builds look at it before each piece and before they finish.
     *
     * @param <R> the result
     */
    interface Accumulator<R> {

        /**
         * Takes in a piece. The piece is not changed, and not kept: it may be readable until this returns only.
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
     * A metric of what can be gathered piece by piece, like a {@link java.util.stream.Collector}.
     *
     * <p>All pieces must be of the same sites in the same poolings, and there must be one at least; otherwise adding, merging or
     * finishing throws a {@link io.modscan.core.error.ModscanException}.
     *
     * @param start  makes a state that has seen nothing
     * @param add    takes a piece into a state, and neither changes nor keeps it
     * @param merge  takes the second state into the first
     * @param finish makes the result of a state
     * @param <A>    the state
     * @param <R>    the result
     * @return the metric
     */
    static <A, R> Metric<R> of(
            Supplier<A> start, BiConsumer<A, Activations> add, BiConsumer<A, A> merge, Function<A, R> finish) {
        Objects.requireNonNull(start, "start");
        Objects.requireNonNull(add, "add");
        Objects.requireNonNull(merge, "merge");
        Objects.requireNonNull(finish, "finish");
        return () -> new Accumulators.Gathering<>(start.get(), add, merge, finish);
    }

    /**
     * A metric that needs all values at once, such as a median or a matrix of all pairs. It keeps them, 4 bytes each.
     *
     * @param measure measures the activations of all pieces, in the order in which they were added
     * @param <R>     the result
     * @return the metric, which throws as {@link #of} does, and if two prompts have the same id
     */
    static <R> Metric<R> whole(Function<Activations, R> measure) {
        Objects.requireNonNull(measure, "measure");
        return of(
                ArrayList<Activations>::new,
                (pieces, piece) -> pieces.add(piece.kept()),
                List::addAll,
                pieces -> measure.apply(Views.concat(pieces)));
    }

    /**
     * Several metrics in one pass.
     *
     * @param metrics the metrics
     * @return a metric whose result has that of each: {@code results.of(metric)}
     */
    static Metric<Results> suite(Metric<?>... metrics) {
        List<Metric<?>> all = List.of(metrics);
        return () -> new Accumulators.Suite(all);
    }

    /**
     * The same measurement with its result made into something else.
     *
     * @param function applied to the result
     * @param <T>      the new result
     * @return a metric
     */
    default <T> Metric<T> map(Function<? super R, ? extends T> function) {
        return () -> new Accumulators.Mapped<>(start(), function);
    }

    /**
     * This measurement and another one in one pass.
     *
     * @param other    the other metric
     * @param together makes one of both results
     * @param <S>      the other result
     * @param <T>      what they make together
     * @return a metric
     */
    default <S, T> Metric<T> both(Metric<S> other, BiFunction<? super R, ? super S, ? extends T> together) {
        return suite(this, other).map(results -> together.apply(results.of(this), results.of(other)));
    }

    /**
     * The same measurement on activations seen otherwise: in a basis, pooled, without some of the sites.
     *
     * @param view makes of each piece what is measured; it looks at each prompt by itself
     * @return a metric
     */
    default Metric<R> through(UnaryOperator<Activations> view) {
        Objects.requireNonNull(view, "view");
        return () -> new Accumulators.View<>(start(), view);
    }

    /**
     * The same measurement on parts by themselves.
     *
     * @param parts cuts a piece into parts by key; a key that some pieces lack is measured on the others
     * @param <K>   tells a part
     * @return a metric that gives a result a key, in order of first appearance
     */
    default <K> Metric<Map<K, R>> split(Function<? super Activations, ? extends Map<K, Activations>> parts) {
        Objects.requireNonNull(parts, "parts");
        return () -> new Accumulators.Split<>(this, parts);
    }

    /**
     * The same measurement on each site by itself, for a metric that takes one site.
     *
     * @return a metric that gives a result a site, in order of the sites
     */
    default Metric<Map<Site, R>> perSite() {
        return split(piece -> {
            Map<Site, Activations> parts = new LinkedHashMap<>();
            piece.sites().forEach(site -> parts.put(site.site(), site.alone()));
            return parts;
        });
    }

    /**
     * The same measurement on each head of each site by itself, for a metric that takes one site.
     *
     * @return a metric that gives a result a head, in order; the sites are named as {@link SiteActivations#head} tells. It
     *     throws a {@link io.modscan.core.error.ModscanException} if a site has no axis of heads
     */
    default Metric<Map<Site, R>> perHead() {
        return split(piece -> {
            Map<Site, Activations> parts = new LinkedHashMap<>();
            for (SiteActivations site : piece.sites()) {
                for (int head = 0; head < Math.max(1, site.site().heads()); head++) {
                    SiteActivations one = site.head(head);
                    parts.put(one.site(), one.alone());
                }
            }
            return parts;
        });
    }

    /**
     * The same measurement on each layer by itself, all of its sites together. Sites that belong to no layer are left out.
     *
     * @return a metric that gives a result a layer; it throws a {@link io.modscan.core.error.ModscanException} if no site belongs to one
     */
    default Metric<Map<Integer, R>> perLayer() {
        return split(piece -> {
            Map<Integer, Activations> parts = new TreeMap<>();
            for (SiteActivations site : piece.sites()) {
                site.site()
                        .layer()
                        .ifPresent(layer -> parts.computeIfAbsent(
                                layer,
                                l -> piece.only(other ->
                                        other.layer().equals(site.site().layer()))));
            }
            if (parts.isEmpty()) {
                throw new ModscanException("none of "
                        + piece.sites().stream().map(SiteActivations::site).toList()
                        + " belongs to a layer; measure each by"
                        + " itself with metric.perSite()");
            }
            return parts;
        });
    }

    /**
     * The same measurement on the prompts of each label by themselves.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric that gives a result a label, in natural order of the labels; it throws a
     *     {@link io.modscan.core.error.ModscanException} if a prompt has no such label
     */
    default Metric<Map<String, R>> byLabel(String key) {
        Objects.requireNonNull(key, "key");
        Metric<Map<String, R>> split = split(piece -> {
            Map<String, Activations> parts = new TreeMap<>();
            for (String label : piece.prompts().labels(key)) {
                parts.computeIfAbsent(label, l -> piece.where(prompt -> hasLabel(prompt, key, l)));
            }
            return parts;
        });
        return split.map(TreeMap::new);
    }

    private static boolean hasLabel(Prompt prompt, String key, String label) {
        return label.equals(prompt.labels().get(key));
    }

    /** What the metrics of a {@linkplain #suite suite} gave. Immutable. */
    final class Results {
        private final List<Metric<?>> metrics;
        private final List<Object> results;

        Results(List<Metric<?>> metrics, List<Object> results) {
            this.metrics = metrics;
            this.results = results;
        }

        /**
         * What one metric gave.
         *
         * @param metric a metric of the suite, the same object
         * @param <R>    its result
         * @return the result
         * @throws IllegalArgumentException if it was not in the suite
         */
        @SuppressWarnings("unchecked") // the suite put it there
        public <R> R of(Metric<R> metric) {
            int index = metrics.indexOf(metric);
            if (index < 0) {
                throw new IllegalArgumentException(
                        "that metric was not in the suite; keep the object that was put there");
            }
            return (R) results.get(index);
        }
    }
}
