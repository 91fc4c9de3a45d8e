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
 */
public final class Consistency {

    private Consistency() {}

    /**
     * The selectivity of every unit for every label in either half, halved with the seed 0.
     *
     * <p>Takes the same sites as {@link Selectivity#by}, keeps all values, takes about the same time, and throws as it does;
     * also if no label has two prompts. The result is 96 bytes a unit and label. The numbers do not depend on the order of
     * prompts or pieces, to the last bit. The metric is immutable and safe for use by many threads.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric
     */
    public static Metric<ConsistencyMap> by(String key) {
        return by(key, 0);
    }

    /**
     * The same, halved otherwise.
     *
     * @param key  what the labels are of, such as {@code topic}
     * @param seed of the halving
     * @return a metric
     */
    public static Metric<ConsistencyMap> by(String key, long seed) {
        Objects.requireNonNull(key, "key");
        return Metric.whole(activations -> measure(activations, key, seed));
    }

    private static ConsistencyMap measure(Activations activations, String key, long seed) {
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
