package io.modscan.metrics;

import io.modscan.core.Metric;
import java.util.Objects;

/**
 * Which units respond to which label. For each unit and each label, the values of the prompts with that label ("in") are
 * set against those of all other prompts ("out"); {@link UnitSelectivity} tells what is computed.
 */
public final class Selectivity {

    private Selectivity() {}

    /**
     * The selectivity of every unit of every measured site for every label.
     *
     * <p>Takes any number of sites whose values are [prompts, …] with no positions left. Every coordinate is a unit: H × d
     * at a site of H heads with d units each, H at a site of heads without units (the magnitudes of {@code hook_z}), one
     * at a site with neither (the magnitude of the residual stream). Keeps all values, 4 bytes each, since exact ranks
     * need them, and takes O(n log n + k) time a unit, for n prompts with k labels; the result is 40 bytes a unit and
     * label. The numbers do not depend on the order of prompts or pieces, to the last bit. The metric is immutable and safe
     * for use by many threads.
     *
     * <p>Adding activations throws a {@link io.modscan.core.error.ModscanException} if a prompt has no label for the key, a
     * site was not pooled, or the sites are others than in the pieces before; finishing does without any activations, with
     * fewer than two labels, or if units × labels exceed 2³¹ − 1.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return a metric
     */
    public static Metric<SelectivityMap> by(String key) {
        Objects.requireNonNull(key, "key");
        return () -> new SelectivityAccumulator(key);
    }
}
