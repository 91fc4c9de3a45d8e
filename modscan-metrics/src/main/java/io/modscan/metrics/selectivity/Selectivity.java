package io.modscan.metrics.selectivity;

import io.modscan.core.Metric;
import java.util.Objects;

/**
 * Which units respond to which label. For each unit and each label, the values of the prompts with that label ("in") are
 * set against those of all other prompts ("out"); {@link UnitSelectivity} tells what is computed.
 *
 * <p>Every coordinate of a site is a unit: H × d at a site of H heads with d units each, H at a site of heads without units
 * (the magnitudes of {@code hook_z}, or of what each head writes, {@code hook_result}), one at a site with neither (the
 * magnitude of the residual stream, for whole blocks).
 *
 * <p>It is itself the metric: {@code activations.measure(Selectivity.by("topic"))}. Immutable; safe for use by many threads.
 */
public final class Selectivity implements Metric<SelectivityMap> {

    private final String key;

    private Selectivity(String key) {
        this.key = Objects.requireNonNull(key, "key");
    }

    /**
     * The selectivity of every unit of every measured site for every label.
     *
     * <p>Takes any number of sites with one vector a prompt, pooled or without an axis of positions. Keeps all values, 4
     * bytes each, since exact ranks need them, and takes O(n log n + k) time a unit, for n prompts with k labels, on all
     * processors. Units that are zero for half of the prompts or more take two to five times as long, for their p-values; of
     * a value in the middle of the others, ten times. The result is 48 bytes a unit and label. For streams that don't fit,
     * see {@link #sketched}. The numbers do not depend on the order of prompts or pieces, to the last bit.
     *
     * <p>Adding activations throws a {@link io.modscan.core.error.ModscanException} only if their sites are others than in the
     * pieces before. All else is measured, and found out, when finishing: that throws one if nothing was added, if two prompts
     * have the same id, if a prompt has no label for the key, if there are fewer than two labels, if a site was not pooled,
     * or if units × labels exceed 2³¹ − 1.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric
     */
    public static Selectivity by(String key) {
        return new Selectivity(key);
    }

    @Override
    public Accumulator<SelectivityMap> start() {
        return Metric.whole(
                        activations -> SelectivityScan.run(activations, key, SelectivityScan.labels(activations, key)))
                .start();
    }

    /**
     * The same without keeping any prompt, for streams of any length.
     *
     * <p>Each unit and label has a sketch of its values: counts in bins whose width is a fixed share of their value, after
     * Masson, Rim and Lee, "DDSketch", 2019 (<a href="https://doi.org/10.14778/3352063.3352135">doi:10.14778/3352063.3352135</a>).
     * Zero has a bin of its own, and either sign its bins. Values in the same bin count as equal: ranks, AUROC and both tests
     * are those of the binned values, with the correction for ties that goes with them. So a p-value is an approximation: it
     * answers the same question of slightly coarser values, and there is no bound on its difference from the exact one. For
     * the AUROC there is, in each row: half the share of pairs, of one prompt in and one out, that share a bin other than
     * zero's, {@link UnitSelectivity#aurocError()}. Unlike with {@link #by}, p is the normal approximation wherever values
     * count as equal: for a unit that is other than zero for only tens of prompts, it may be far too small. Means and Hedges'
     * g come from moments in double precision, not from bins, and are those of {@link #by} up to rounding.
     *
     * <p>Merged sketches are those of one pass, so the order of prompts and pieces changes means and g by rounding, and all
     * else by nothing. For normal values and an accuracy of 0.01 the error of an AUROC near 0.5 is 0.0016, and it grows in
     * proportion to the accuracy. Memory is 16 bytes a unit and label for moments, and the sketch: some 200 bytes, and 8 for
     * each bin between the smallest and the largest magnitude of either sign, which is 400/accuracy at most, since float32
     * has no more, and 10/accuracy for values that spread over four decades. It does not grow with the number of prompts
     * beyond that. So at 0.01 a normal unit takes 8 kB a label: measure heads, magnitudes or a part of the neurons, or choose
     * a coarser accuracy. Takes O(1) time a value.
     *
     * <p>Throws as {@link #by} does, but adding activations throws too, if a prompt has no label or a site was not pooled.
     *
     * @param accuracy half of a bin's width as a share of its value, above 0 and at most 0.5, such as 0.01
     * @return a metric
     * @throws IllegalArgumentException if the accuracy is out of its range
     */
    public Metric<SelectivityMap> sketched(double accuracy) {
        if (!(accuracy >= SelectivitySketch.FINEST && accuracy <= 0.5)) {
            throw new IllegalArgumentException("a sketch has an accuracy from " + SelectivitySketch.FINEST
                    + " to 0.5, such as 0.01; " + accuracy + " is out of range");
        }
        return Metric.of(
                () -> new SelectivitySketch(key, accuracy),
                SelectivitySketch::add,
                SelectivitySketch::merge,
                SelectivitySketch::finish);
    }

    /**
     * A statistic of one's own for every unit of every measured site and every label, such as the difference of medians:
     * {@code Selectivity.by("topic").statistic("shift", (in, out) -> in[in.length / 2] - out[out.length / 2])}.
     *
     * <p>Takes the same sites as {@link #by}, keeps all values, and throws as it does; what the statistic throws is passed
     * on. The statistic is called when finishing, once for each unit and label, by several threads at a time. It is handed
     * sorted values, so that results don't depend on the order of prompts. Sorting takes O(k n log n) time a unit, for n
     * prompts with k labels. The metric is as safe for use by many threads as the statistic is.
     *
     * @param name      what to call it in {@link UnitValues#name()}
     * @param statistic the statistic
     * @return a metric
     */
    public Metric<UnitValues> statistic(String name, UnitStatistic statistic) {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(statistic, "statistic");
        return Metric.whole(activations -> StatisticScan.run(name, activations, key, statistic));
    }
}
