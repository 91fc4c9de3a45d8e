package io.modscan.metrics.connections;

import io.modscan.core.site.Unit;
import java.util.List;
import java.util.Locale;

/**
 * Units of which each two are a pair, so that all carry nearly one feature.
 *
 * @param members     at least two, in order of sites, then units
 * @param signs       of each member, 1 where its function goes with the first member's, −1 where it goes against it; consistent for
 *                    every two of them
 * @param weakest     the least size of the correlation of two members
 * @param netOutput   how much they write to the residual stream together when the feature rises by one standard deviation: the
 *                    length of Σ s σ w, with s a member's sign, σ its standard deviation over the data, w its output weights.
 *                    NaN where weights were not given, or a member has none
 * @param grossOutput how much they would if all wrote the same way: Σ σ ‖w‖; NaN in the same cases
 */
public record UnitGroup(List<Unit> members, List<Integer> signs, double weakest, double netOutput, double grossOutput) {

    /**
     * Copies the lists.
     *
     * @param members     see above
     * @param signs       see above
     * @param weakest     see above
     * @param netOutput   see above
     * @param grossOutput see above
     * @throws IllegalArgumentException if there is not one sign a member
     */
    public UnitGroup {
        members = List.copyOf(members);
        signs = List.copyOf(signs);
        if (members.size() != signs.size()) {
            throw new IllegalArgumentException(
                    "there are " + signs.size() + " signs of " + members.size() + " members; give one for each");
        }
    }

    /**
     * The number of members.
     *
     * @return how many units carry the feature, at least two
     */
    public int size() {
        return members.size();
    }

    /**
     * Whether what the members write adds up or cancels.
     *
     * @return netOutput / grossOutput: 1 if all write the same way, 0 if nothing is left, and 1/√size, on average, if they are equally
     *     strong and write to places that have nothing to do with each other. NaN without output weights, or if all are zero
     */
    public double outputShare() {
        return netOutput / grossOutput;
    }

    /**
     * The group in words, in one line.
     *
     * @return how many members it has, which is the first, and what comes of their outputs
     */
    @Override
    public String toString() {
        long against = signs.stream().filter(sign -> sign < 0).count();
        String words = String.format(
                Locale.ROOT,
                "%d units with %s%s, correlations of %.2f and more",
                size(),
                members.get(0),
                against > 0 ? " (" + against + " against it)" : "",
                weakest);
        return Double.isNaN(outputShare())
                ? words
                : words + String.format(Locale.ROOT, "; of what they write %.0f %% is left", 100 * outputShare());
    }
}
