package io.modscan.metrics.selectivity;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Labels;
import io.modscan.core.prompt.Prompt;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Whether selectivity holds in both halves of the prompts. The prompts of each label are halved at random, and each half is
 * measured by itself, as {@link Selectivity#by} measures: what is a unit's own shows in both, and what is the luck of few
 * prompts in one.
 *
 * <p>Which prompt goes to which half follows from the seed, its id and the ids that share its label, and from no order of
 * prompts or pieces. The first half has one prompt more of a label with an odd number. A label of a single prompt has none in
 * the second half: there its numbers are NaN, nothing {@linkplain UnitConsistency#agrees() agrees} on it, and its
 * {@linkplain ConsistencyMap#correlation correlation} is NaN.
 *
 * <p>It is itself the metric: {@code activations.measure(Consistency.by("topic"))}. It takes the same sites as
 * {@link Selectivity#by}, keeps all values, takes about the same time, and throws as it does; also if no label has two prompts.
 * The result is 96 bytes a unit and label. The numbers do not depend on the order of prompts or pieces, to the last bit.
 * Immutable; safe for use by many threads.
 */
public final class Consistency implements Metric<ConsistencyMap> {

    private final String key;
    private final long seed;

    private Consistency(String key, long seed) {
        this.key = Objects.requireNonNull(key, "key");
        this.seed = seed;
    }

    /**
     * The selectivity of every unit for every label in either half, halved with the seed 0.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric
     */
    public static Consistency by(String key) {
        return new Consistency(key, 0);
    }

    /**
     * The same, halved with another seed.
     *
     * @param other any number; the same one gives the same halves
     * @return a metric
     */
    public Consistency withSeed(long other) {
        return new Consistency(key, other);
    }

    @Override
    public Accumulator<ConsistencyMap> start() {
        return Metric.whole(this::measure).start();
    }

    private ConsistencyMap measure(Activations activations) {
        Labels labels = SelectivityScan.labels(activations, key);
        List<String> ofPrompts = activations.prompts().labels(key);
        Set<String> first = Halves.first(activations.prompts(), ofPrompts, seed);
        if (first.size() == ofPrompts.size()) {
            throw new ModscanException("no " + key + " has two prompts; to be halved, one needs them");
        }
        return new ConsistencyMap(
                labels,
                half(activations, key, labels, prompt -> first.contains(prompt.id())),
                half(activations, key, labels, prompt -> !first.contains(prompt.id())));
    }

    private static SelectivityMap half(Activations activations, String key, Labels labels, Predicate<Prompt> isIn) {
        Activations half = activations.where(isIn);
        // A label that has no prompt in this half is one all the same.
        Map<String, Long> counts = new HashMap<>();
        labels.names().forEach(label -> counts.put(label, 0L));
        half.prompts().labels(key).forEach(label -> counts.merge(label, 1L, Long::sum));
        return SelectivityScan.run(half, key, Labels.counted(counts));
    }
}
