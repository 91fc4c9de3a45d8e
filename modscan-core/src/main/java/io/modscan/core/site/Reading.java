package io.modscan.core.site;

import io.modscan.core.error.ModscanException;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;

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
     * @throws ModscanException if it is to be pooled, or some of its positions are to be chosen, and it has no axis of them
     */
    public Reading {
        if (pooling.isPooled() && !site.hasPositions()) {
            throw new ModscanException(
                    site + " has no single axis of positions to pool over; read it with Pooling.none()");
        }
        if (!pooling.positions().isAll() && !site.hasPositions()) {
            throw new ModscanException(site + " has no single axis of positions to choose from, as '"
                    + pooling.positions() + "' asks; read it at all of them");
        }
    }

    /**
     * The number of values that one prompt yields.
     *
     * @param positions how many positions there are: the tokens of a prompt, or of a padded batch; where only some are kept, how many of
     *                  them
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
     * The number of values that one prompt yields.
     *
     * @param tokens the prompt's tokens
     * @return the product of the axes that remain; an axis of positions has those that are kept
     * @throws ArithmeticException if it overflows 64 bits
     */
    public long values(PromptTokens tokens) {
        return values(isPerToken() ? tokens.keptSize() : tokens.size());
    }

    /**
     * Whether tokens are to be chosen prompt by prompt. It is not so where all count, nor where BOS is left out of a pooling, which a
     * source sees by itself.
     *
     * @return whether a batch {@linkplain io.modscan.core.model.TokenBatch#chosen(Positions, int) tells} which ones
     */
    public boolean choosesPositions() {
        Positions positions = pooling.positions();
        return !positions.isAll() && !(pooling.isPooled() && positions.isWithoutBos());
    }

    /**
     * Whether there is a vector for each token that is kept: the site has one axis of positions, and it was not pooled.
     *
     * @return whether a prompt's values grow with its length, one vector a token
     */
    public boolean isPerToken() {
        return site.hasPositions() && !pooling.isPooled();
    }
}
