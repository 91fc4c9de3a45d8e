package io.modscan.metrics.connections;

import io.modscan.core.site.Unit;
import java.util.Locale;

/**
 * Two units that carry nearly one feature. {@link ParallelUnits} tells how pairs are found and what the numbers are; all are in
 * [−1, 1].
 *
 * @param unit         the unit that comes first
 * @param other        the other one
 * @param correlation  of both over the data: near 1 the same function up to scale and mean, near −1 the opposite one
 * @param withoutOne   what is left of its size without the one prompt that speaks most for it, in the correlation's sign
 * @param cosine       of both over the data, their means counted in: E[f g] / √(E[f²] E[g²])
 * @param outputCosine of what they write to the residual stream, whatever their values; NaN where weights were not given, the
 *                     unit's site has none, or all are 0
 * @param inputCosine  of what they read from it; NaN in such cases, too
 */
public record UnitPair(
        Unit unit,
        Unit other,
        double correlation,
        double withoutOne,
        double cosine,
        double outputCosine,
        double inputCosine) {

    /** From where on two things count as going the same way, or opposite ways, in words. */
    private static final double CLEARLY = 0.5;

    /**
     * Whether their functions are the same or opposite.
     *
     * @return 1 for the same, −1 for opposite ones
     */
    public int sign() {
        return correlation < 0 ? -1 : 1;
    }

    /**
     * How what the one adds to the residual stream goes together with what the other adds, f w and g v: the correlation of these
     * vectors over the data, which is correlation × outputCosine. Near 1 they write one feature twice; near −1 they cancel, be it
     * opposite functions with the same output or the same function with opposite outputs; near 0 they write one feature to two
     * places.
     *
     * @return in [−1, 1]; NaN without output weights
     */
    public double written() {
        return correlation * outputCosine;
    }

    /**
     * The pair in words, in one line.
     *
     * @return both units, what their functions, outputs and inputs have in common, and what that comes to
     */
    @Override
    public String toString() {
        String words = String.format(
                Locale.ROOT,
                "%s and %s: %s function (correlation %.2f, cosine %.2f)",
                unit,
                other,
                sign() > 0 ? "same" : "opposite",
                correlation,
                cosine);
        if (Double.isNaN(outputCosine)) {
            return words;
        }
        return words
                + String.format(
                        Locale.ROOT,
                        ", %s output (%.2f), input %.2f: %s",
                        alike(outputCosine, "same", "opposite", "another"),
                        outputCosine,
                        inputCosine,
                        alike(written(), "they add up", "they cancel", "they go to different places"));
    }

    private static String alike(double cosine, String same, String opposite, String neither) {
        return cosine >= CLEARLY ? same : cosine <= -CLEARLY ? opposite : neither;
    }
}
