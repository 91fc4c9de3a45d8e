package io.modscan.metrics.modules;

import java.util.List;

/**
 * Units that respond together.
 *
 * @param members     at least two, in order of sites, then units
 * @param correlation how closely they go together: the mean over all pairs of members, whether linked or not, of their
 *                    correlation (its absolute value, if modules were found by that), in [−1, 1]
 */
public record UnitModule(List<Unit> members, double correlation) {

    /**
     * Copies the members.
     *
     * @param members     see above
     * @param correlation see above
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
