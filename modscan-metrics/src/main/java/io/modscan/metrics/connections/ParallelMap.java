package io.modscan.metrics.connections;

import io.modscan.core.site.Unit;
import java.util.List;
import java.util.Locale;

/**
 * Which units carry nearly one feature. {@link ParallelUnits} tells how they are found.
 *
 * @param pairs       the strongest pairs, by the size of their correlation, that first; as many as were to be kept
 * @param groups      groups of units of which each two are among these pairs, larger ones first, among equals in order of their
 *                    first units; two units of one pair that fits no larger group are a group too
 * @param leftOut     units that are constant, or have a value that is not finite, in order
 * @param least       the size of a correlation that makes a pair, as it was set or else came out of the numbers of units and prompts
 * @param chance      the size that independent normal values of as many units and prompts would hardly reach
 * @param found       how many pairs there are, kept or not
 * @param byOnePrompt how many more there would be, if they did not hang on a single prompt
 * @param byChance    how many pairs there are after each unit's values were shuffled by itself, on average over shuffles; NaN
 *                    without a shuffle
 */
public record ParallelMap(
        List<UnitPair> pairs,
        List<UnitGroup> groups,
        List<Unit> leftOut,
        double least,
        double chance,
        long found,
        long byOnePrompt,
        double byChance) {

    /**
     * Copies the lists.
     *
     * @param pairs       see above
     * @param groups      see above
     * @param leftOut     see above
     * @param least       see above
     * @param chance      see above
     * @param found       see above
     * @param byOnePrompt see above
     * @param byChance    see above
     */
    public ParallelMap {
        pairs = List.copyOf(pairs);
        groups = List.copyOf(groups);
        leftOut = List.copyOf(leftOut);
    }

    /**
     * Whether all pairs that were found are there.
     *
     * @return false if {@link ParallelUnits#withPairs} kept only the strongest; groups are then those of a higher threshold, the
     *     correlation of the weakest pair that is here
     */
    public boolean isComplete() {
        return pairs.size() == found;
    }

    /**
     * What was found, in one line.
     *
     * @return how many pairs and groups there are, and how many by chance
     */
    @Override
    public String toString() {
        long opposite = pairs.stream().filter(pair -> pair.sign() < 0).count();
        return String.format(
                Locale.ROOT,
                "%d pairs of units with correlations of %.2f and more%s, %d of them opposite, in %d groups; %d more hang on"
                        + " one prompt; %s by chance; %d units left out",
                found,
                least,
                isComplete() ? "" : " (the strongest " + pairs.size() + " are here)",
                opposite,
                groups.size(),
                byOnePrompt,
                Double.isNaN(byChance) ? "not known how many" : String.format(Locale.ROOT, "%.3g", byChance),
                leftOut.size());
    }
}
