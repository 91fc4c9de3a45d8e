package io.modscan.metrics.subspace;

import java.util.List;
import java.util.Locale;

/**
 * How the subspaces of two labels lie to each other. If a subspace has the dimension 0, as that of a label with one prompt
 * has, all numbers but the dimensions are NaN. {@link SubspaceOverlap} tells how it is tested.
 *
 * @param a            a label
 * @param b            another
 * @param dimensionA   the dimension of the first label's subspace: k, or fewer if its prompts vary in fewer directions
 * @param dimensionB   that of the second's
 * @param overlap      the overlap, in [0, 1]: see {@link Subspace#overlap}
 * @param angles       the principal angles in radians, in ascending order: see {@link Subspace#anglesTo}
 * @param expected     the overlap of subspaces with random orientation: see {@link Subspace#expectedOverlap}
 * @param paired       the overlap that is tested: that of the leading directions of differences between two prompts of a label. It is
 *                     usually smaller than {@code overlap}, since there are half as many differences as prompts
 * @param shuffledMean the mean of {@code paired} when the differences are shuffled between the two labels; NaN without shuffles
 * @param shuffledSd   its standard deviation over shuffles (divisor N − 1); NaN with fewer than two
 * @param p            the probability of a {@code paired} as small as this, or smaller, if the two labels' prompts vary alike:
 *                     (1 + shuffles that overlap no more) / (1 + shuffles), in (0, 1]; NaN without shuffles. Not corrected
 *                     for the number of pairs
 */
public record LabelOverlap(
        String a,
        String b,
        int dimensionA,
        int dimensionB,
        double overlap,
        List<Double> angles,
        double expected,
        double paired,
        double shuffledMean,
        double shuffledSd,
        double p) {

    /**
     * Copies the angles.
     *
     * @param a            see above
     * @param b            see above
     * @param dimensionA   see above
     * @param dimensionB   see above
     * @param overlap      see above
     * @param angles       see above
     * @param expected     see above
     * @param paired       see above
     * @param shuffledMean see above
     * @param shuffledSd   see above
     * @param p            see above
     */
    public LabelOverlap {
        angles = List.copyOf(angles);
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return the labels and the numbers, the smallest angle in degrees
     */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s – %s: overlap %.3f, by chance %.3f, smallest angle %.1f°; of pairs %.3f, shuffled %.3f ± %.3f, p %.2g",
                a,
                b,
                overlap,
                expected,
                angles.isEmpty() ? Double.NaN : Math.toDegrees(angles.get(0)),
                paired,
                shuffledMean,
                shuffledSd,
                p);
    }
}
