package io.modscan.metrics.modules;

import io.modscan.core.site.Unit;
import java.util.List;

/**
 * Units that respond together.
 *
 * @param members     at least two, in order of sites, then units
 * @param correlation how closely they go together: the mean over all pairs of members, whether linked or not, of their
 *                    correlation (its absolute value, if modules were found by that), in [−1, 1]
 * @param p           (1 + the number of shuffles in which any module is as close, or closer) / (1 + the number of
 *                    shuffles), closeness being the sum over pairs of members of r² − 1/(n − 1), the mean of r² over
 *                    permutations of n prompts being 1/(n − 1). This is the probability that units which have nothing in
 *                    common make even one such module, so it need not be corrected for the number of modules; NaN without
 *                    shuffles
 */
public record UnitModule(List<Unit> members, double correlation, double p) {

    /**
     * Copies the members.
     *
     * @param members     see above
     * @param correlation see above
     * @param p           see above
     */
    public UnitModule {
        members = List.copyOf(members);
    }

    /**
     * The number of members.
     *
     * @return how many units it has
     */
    public int size() {
        return members.size();
    }
}
