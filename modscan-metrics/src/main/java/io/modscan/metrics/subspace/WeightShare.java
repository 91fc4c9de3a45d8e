package io.modscan.metrics.subspace;

import java.util.Locale;
import java.util.OptionalInt;

/**
 * How much of a matrix lies in a subspace. The share is of its squared Frobenius norm: ‖S·W‖² / ‖W‖² for the subspace's
 * orthonormal basis S [k, D] and a matrix W that reads, [D, …]; ‖W·Sᵀ‖² / ‖W‖² for one that writes, […, D]. For a matrix of
 * zeros, or with a NaN or infinite value, share, z and p are NaN.
 *
 * @param layer    the layer
 * @param head     the head; empty for an MLP
 * @param side     the matrix and its side
 * @param share    the share, in [0, 1]
 * @param expected that of a subspace with random orientation, k / D
 * @param z        how many standard deviations of that the share lies above it. The standard deviation is exact:
 *                 sd² = 2·k·(D − k) / (D·(D − 1)·(D + 2)) · (q − 1/D) with q = tr((W·Wᵀ)²) / tr(W·Wᵀ)². NaN where it is 0:
 *                 for a subspace of no dimension or of all, and for a matrix that treats all directions alike
 * @param p        about the probability that a random subspace has as large a share, or a larger one, in [0, 1]: the upper tail
 *                 of the beta distribution with the exact mean and standard deviation. That is exact for a matrix of rank 1,
 *                 and for k = 1 where all singular values but zeros are equal; else small p-values are right in their order of
 *                 magnitude. NaN where z is. Not corrected for the number of matrices
 */
public record WeightShare(
        int layer, OptionalInt head, WeightSide side, double share, double expected, double z, double p) {

    /**
     * A line to read, numbers rounded.
     *
     * @return the matrix, its side and the numbers
     */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "layer %d%s %s: share %.4f, by chance %.4f, z %.1f, p %.2g",
                layer,
                head.isPresent() ? " head " + head.getAsInt() : "",
                side,
                share,
                expected,
                z,
                p);
    }
}
