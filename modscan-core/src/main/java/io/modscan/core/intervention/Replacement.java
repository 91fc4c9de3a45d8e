package io.modscan.core.intervention;

import java.util.Optional;

/**
 * What becomes of a value: {@code keep · value + times · reference}. All that is done to a unit is of this form: it is set to zero
 * or to a reference (the mean over some prompts; what another prompt had, which is called patching, or a resample ablation where
 * that prompt is a random one), multiplied, or moved along a direction (steering).
 *
 * @param keep      what the value is multiplied with
 * @param reference what is added, unless nothing is
 * @param times     what the reference is multiplied with
 */
public record Replacement(float keep, Optional<Reference> reference, float times) {

    /**
     * Checks the factors.
     *
     * @param keep      see above
     * @param reference see above
     * @param times     see above
     * @throws IllegalArgumentException if a factor is not finite
     */
    public Replacement {
        if (!Float.isFinite(keep) || !Float.isFinite(times)) {
            throw new IllegalArgumentException(
                    "a value is multiplied with finite numbers, not " + keep + " and " + times);
        }
        if (reference.isEmpty()) {
            times = 0;
        }
    }

    /**
     * Zero. It lies off what the network has ever seen, unless units are zero most of the time; the {@linkplain #mean mean} is the better choice
     * where nothing speaks for zero.
     *
     * @return the replacement
     */
    public static Replacement zero() {
        return factor(0);
    }

    /**
     * A unit's value multiplied.
     *
     * @param factor such as 0.5
     * @return the replacement
     * @throws IllegalArgumentException if it is not finite
     */
    public static Replacement factor(float factor) {
        return new Replacement(factor, Optional.empty(), 0);
    }

    /**
     * The mean over reference prompts.
     *
     * @param means the means, such as {@code Activations.mean} gives them
     * @return the replacement
     */
    public static Replacement mean(Reference means) {
        return values(means);
    }

    /**
     * What a reference has: the means over prompts, or, position by position, another prompt's own values.
     *
     * @param reference the values
     * @return the replacement
     */
    public static Replacement values(Reference reference) {
        return new Replacement(0, Optional.of(reference), 1);
    }

    /**
     * The value with a direction added.
     *
     * @param direction what is added
     * @param times     how much of it
     * @return the replacement
     * @throws IllegalArgumentException if the factor is not finite
     */
    public static Replacement plus(Reference direction, float times) {
        return new Replacement(1, Optional.of(direction), times);
    }

    /**
     * The replacement in words.
     *
     * @return such as {@code zero}, {@code mean of 200 prompts}, {@code value · 0.5} or {@code value + 2.0 · law - others}
     */
    @Override
    public String toString() {
        String kept = keep == 0 ? "" : keep == 1 ? "value" : "value · " + keep;
        String added = reference
                .map(by -> (times == 1 ? "" : times + " · ") + by.name())
                .orElse("");
        String sum = kept + (kept.isEmpty() || added.isEmpty() ? "" : " + ") + added;
        return sum.isEmpty() ? "zero" : sum;
    }
}
