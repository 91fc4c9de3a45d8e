package io.modscan.core.site;

import io.modscan.core.error.ModscanException;

/**
 * A site and what becomes of its positions.
 *
 * @param site    the site
 * @param pooling how it is pooled
 */
public record Reading(Site site, Pooling pooling) {

    /**
     * Checks that the site can be pooled.
     *
     * @param site    see above
     * @param pooling see above
     * @throws ModscanException if it is to be pooled and has no axis of positions
     */
    public Reading {
        if (pooling.isPooled() && !site.hasPositions()) {
            throw new ModscanException(
                    site + " has no single axis of positions to pool over; read it with Pooling.none()");
        }
    }

    /**
     * The number of values that one prompt yields.
     *
     * @param positions the prompt's (or the padded batch's) length in tokens
     * @return the product of the axes that remain, each axis of positions counted as {@code positions}
     * @throws ArithmeticException if it overflows 64 bits
     */
    public long values(int positions) {
        long values = 1;
        for (Axis axis : site.axes()) {
            if (axis.size() > 0) {
                values = Math.multiplyExact(values, axis.size());
            } else if (!pooling.isPooled()) {
                values = Math.multiplyExact(values, positions);
            }
        }
        return values;
    }

    /**
     * Whether there is a vector for each token: the site has one axis of positions, and it was not pooled.
     *
     * @return whether a prompt's values grow with its length, one vector a token
     */
    public boolean isPerToken() {
        return site.hasPositions() && !pooling.isPooled();
    }
}
