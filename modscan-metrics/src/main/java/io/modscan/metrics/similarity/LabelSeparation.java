package io.modscan.metrics.similarity;

/**
 * How far apart the labels of prompts are at a site, and whether that is more than chance. {@link Separation} tells how each
 * is computed. Immutable.
 *
 * @param prompts     how many prompts it is about, without those left out
 * @param leftOut     how many prompts were left out, because they have no similarity to themselves
 * @param within      the mean similarity over all pairs of different prompts with the same label
 * @param between     the mean similarity over all pairs of prompts with different labels
 * @param gap         within − between
 * @param gapError    the standard error of the gap
 * @param gapP        the permutation p-value of the gap
 * @param silhouette  the mean silhouette score over prompts, in [−1, 1]
 * @param silhouetteError the standard error of the silhouette
 * @param silhouetteP the permutation p-value of the silhouette
 * @param accuracy    the share of prompts that are nearest to the centroid of the others with their own label, in [0, 1]
 * @param accuracyError the standard error of the accuracy
 * @param accuracyP   the permutation p-value of the accuracy
 */
public record LabelSeparation(
        long prompts,
        long leftOut,
        double within,
        double between,
        double gap,
        double gapError,
        double gapP,
        double silhouette,
        double silhouetteError,
        double silhouetteP,
        double accuracy,
        double accuracyError,
        double accuracyP) {

    /** What is said of prompts that cannot be told apart by label. */
    static LabelSeparation undefined(long prompts, long leftOut) {
        double none = Double.NaN;
        return new LabelSeparation(prompts, leftOut, none, none, none, none, none, none, none, none, none, none, none);
    }
}
