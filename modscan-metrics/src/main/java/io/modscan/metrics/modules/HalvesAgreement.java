package io.modscan.metrics.modules;

import java.util.Arrays;
import java.util.Locale;

/**
 * How far the partition of one half of the prompts agrees with that of the other, over random splits in two halves: the adjusted Rand
 * index over all units, those in no module being alone. {@link ModuleComparison.Agreement} tells what it is; where it is 0 / 0, it counts as
 * 1 if both halves have all units in one module, and as 0 if neither has a module.
 *
 * @param splits  how many splits there were
 * @param mean    the mean over splits; NaN without splits
 * @param least   that of the split with the least agreement
 * @param most    that of the split with the greatest
 * @param planted the mean for values in which exactly these modules are planted, and nothing else: each module's mean course over
 *                the prompts, which each member follows as closely as it does in truth, with normal noise of its own; units outside are
 *                noise. It tells what so many prompts would allow if units did form crisp modules; what the observed agreement lacks
 *                is not for want of prompts. Over three of the splits; NaN without a module
 */
public record HalvesAgreement(int splits, double mean, double least, double most, double planted) {

    /**
     * No split at all.
     *
     * @return numbers that are all NaN
     */
    public static HalvesAgreement none() {
        return of(new double[0], new double[0]);
    }

    static HalvesAgreement of(double[] observed, double[] planted) {
        return new HalvesAgreement(
                observed.length,
                Arrays.stream(observed).average().orElse(Double.NaN),
                Arrays.stream(observed).min().orElse(Double.NaN),
                Arrays.stream(observed).max().orElse(Double.NaN),
                Arrays.stream(planted).average().orElse(Double.NaN));
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return the numbers
     */
    @Override
    public String toString() {
        if (splits == 0) {
            return "halves of the prompts not compared";
        }
        return String.format(
                Locale.ROOT,
                "halves of the prompts agree by %.2f (%.2f to %.2f over %d splits)%s",
                mean,
                least,
                most,
                splits,
                Double.isNaN(planted)
                        ? ""
                        : String.format(Locale.ROOT, ", planted modules of this strength by %.2f", planted));
    }
}
