package io.modscan.metrics.selectivity;

import io.modscan.core.Metric;
import java.util.Objects;

/**
 * How important each unit is for each label, by the importance functions of Pochinkov and Schoots, "Dissecting language
 * models: machine unlearning via selective pruning", 2024
 * (<a href="https://doi.org/10.48550/arXiv.2403.01267">doi:10.48550/arXiv.2403.01267</a>): over tokens, how often it fires,
 * and the mean absolute value, the root mean square and the standard deviation of its values; and the
 * {@linkplain UnitImportance#ratio() ratio} of each between the tokens of prompts with the label and those of all others.
 *
 * <p>It is itself the metric: {@code activations.measure(Importance.by("topic").withoutBos())}. Immutable; safe for use by
 * many threads.
 *
 * <p>Takes any number of sites, those captured with {@code Pooling.none()} token by token. A site that was pooled, or has no
 * axis of positions, has one value a prompt and unit, and is measured over prompts. Every coordinate is a unit, as for
 * {@link Selectivity}. Attention scores and patterns are refused.
 *
 * <p>All sums are in double precision, and variances are never the difference of two sums, so that values from 1e−30 to 1e30 do
 * not drown each other; the order of prompts changes results by rounding only. It takes O(1) time a value, and 32 bytes a unit
 * and label, however many prompts there are; the result takes 64. A NaN value makes all numbers of its unit for that label NaN, and
 * the other labels' numbers out; an infinite one makes the mean absolute value infinite, and RMS and standard deviation NaN. Where
 * a label has no tokens at all, as when each of its prompts is BOS only, all is NaN.
 *
 * <p>Adding activations throws a {@link io.modscan.core.error.ModscanException} if a site holds attention scores or patterns,
 * a prompt has no label for the key, BOS is to be left out and it is not known of a prompt whether it begins with it, or the sites are
 * others than in the pieces before; finishing does without any activations, with fewer than two labels, or if units × labels
 * exceed 2³¹ − 1.
 */
public final class Importance implements Metric<ImportanceMap> {

    private final String key;
    private final double threshold;
    private final boolean withoutBos;

    private Importance(String key, double threshold, boolean withoutBos) {
        this.key = key;
        this.threshold = threshold;
        this.withoutBos = withoutBos;
    }

    /**
     * The importance of every unit of every measured site for every label. A unit fires where its value is above 0.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric
     */
    public static Importance by(String key) {
        return new Importance(Objects.requireNonNull(key, "key"), 0, false);
    }

    /**
     * The same {@linkplain io.modscan.core.Activations#withoutBos() without the BOS token} at the beginning of a prompt. At a
     * site that was pooled already it changes nothing: choose {@code Pooling.mean().withoutBos()} for the capture.
     *
     * @return a metric
     */
    public Importance withoutBos() {
        return new Importance(key, threshold, true);
    }

    /**
     * The same with another notion of when a unit fires.
     *
     * @param value above which it does
     * @return a metric
     * @throws IllegalArgumentException if the value is NaN
     */
    public Importance withThreshold(double value) {
        if (Double.isNaN(value)) {
            throw new IllegalArgumentException("no value is above NaN; give a number that a unit fires above");
        }
        return new Importance(key, value, withoutBos);
    }

    @Override
    public Accumulator<ImportanceMap> start() {
        return Metric.of(
                        () -> new ImportanceSums(key, threshold, withoutBos),
                        ImportanceSums::add,
                        ImportanceSums::merge,
                        ImportanceSums::finish)
                .start();
    }
}
