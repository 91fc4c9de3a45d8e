package io.modscan.metrics.selectivity;

/**
 * A statistic of one's own that sets a unit's values for one label against those for all others, for
 * {@link Selectivity#statistic}. An implementation doesn't change or keep the arrays, gives the same result for the same
 * values, and is safe for use by many threads, as a lambda without fields is.
 */
@FunctionalInterface
public interface UnitStatistic {

    /**
     * Computes the statistic.
     *
     * @param in  the unit's values for prompts with the label, at least one, in ascending order; NaN comes last
     * @param out its values for all other prompts, likewise
     * @return any number
     */
    double of(float[] in, float[] out);
}
