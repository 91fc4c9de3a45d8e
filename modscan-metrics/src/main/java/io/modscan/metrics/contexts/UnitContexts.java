package io.modscan.metrics.contexts;

import io.modscan.core.site.Unit;
import java.util.List;

/**
 * Where a unit is strongest, and, so that one isn't fooled by maxima, where it is as it mostly is.
 *
 * @param unit      the unit
 * @param top       its strongest tokens, each of another prompt, strongest first
 * @param samples   tokens of a random sample, from high to low: at each of some quantiles the token there
 * @param tokens    how many tokens there are in all
 * @param notFinite at how many of them the unit's value is NaN or infinite; these are among neither
 */
public record UnitContexts(Unit unit, List<TokenContext> top, List<Sample> samples, long tokens, long notFinite) {

    /**
     * A token at a quantile.
     *
     * @param quantile the share of the sample's tokens that are no stronger, from 0 to 1
     * @param context  the token; the values around it are not kept
     */
    public record Sample(double quantile, TokenContext context) {}

    /**
     * Keeps the lists.
     *
     * @param unit      see above
     * @param top       see above
     * @param samples   see above
     * @param tokens    see above
     * @param notFinite see above
     */
    public UnitContexts {
        top = List.copyOf(top);
        samples = List.copyOf(samples);
    }
}
