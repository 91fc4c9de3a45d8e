package io.modscan.core.intervention;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What becomes of some units of one site at some positions.
 *
 * @param site      the site's name
 * @param units     which of its units; of attention patterns, which heads
 * @param positions at which positions, counted from 0 with BOS, or, negative, from the end: -1 is the last; all if there are none. Of
 *                  attention patterns, those of the queries
 * @param keys      of attention patterns, the positions attended to, in the same way; none of other sites
 * @param by        what becomes of them
 */
public record Change(String site, UnitSet units, List<Integer> positions, List<Integer> keys, Replacement by) {

    /**
     * Copies the lists.
     *
     * @param site      see above
     * @param units     see above
     * @param positions see above
     * @param keys      see above
     * @param by        see above
     */
    public Change {
        positions = positions.stream().distinct().sorted().toList();
        keys = keys.stream().distinct().sorted().toList();
    }

    /**
     * A change at all positions.
     *
     * @param site  the site's name
     * @param units which of its units
     * @param by    what becomes of them
     * @return the change
     */
    public static Change of(String site, UnitSet units, Replacement by) {
        return new Change(site, units, List.of(), List.of(), by);
    }

    /**
     * The knock-out of edges of attention: what queries see of keys is multiplied with 0. Weights of other keys stay as they are, so
     * that a query's weights no longer sum to 1 (as with a hook on TransformerLens' {@code hook_pattern}).
     *
     * @param site    the name of a site of attention patterns, such as {@code blocks.5.attn.hook_pattern}
     * @param heads   which heads
     * @param queries positions that attend, or none for all
     * @param keys    positions attended to, or none for all
     * @return the change
     */
    public static Change edges(String site, UnitSet heads, List<Integer> queries, List<Integer> keys) {
        return new Change(site, heads, queries, keys, Replacement.zero());
    }

    /**
     * The same at some positions only.
     *
     * @param some positions from 0, BOS counted, or, negative, from the end
     * @return a copy
     * @throws IllegalArgumentException if there is none
     */
    public Change at(int... some) {
        if (some.length == 0) {
            throw new IllegalArgumentException(
                    "no position of " + site + " is named; name at least one, or leave it at all of them");
        }
        return new Change(site, units, Arrays.stream(some).boxed().toList(), keys, by);
    }

    /** Throws if this can't be made of a site in a prompt of a length. */
    void check(Site at, int length, Optional<String> fingerprint) {
        int[] changed = units.at(at);
        int[] where = positions(positions, length);
        if (at.isPairwise()) {
            positions(keys, length);
            if (by.reference().isPresent()) {
                throw new ModscanException("attention patterns of " + site
                        + " can be multiplied (zero, factor) and not replaced by values");
            }
        } else if (!keys.isEmpty()) {
            throw new ModscanException(site + " has no keys; positions attended to are chosen at hook_pattern");
        }
        if (!positions.isEmpty() && !at.isPairwise() && !at.hasPositions()) {
            throw new ModscanException(site + " has no axis of positions, so none can be chosen");
        }
        if (by.reference().isPresent() && changed.length > 0) {
            by.reference()
                    .get()
                    .check(
                            site,
                            at.width(),
                            length,
                            at.hasPositions() ? where : new int[1],
                            positions.isEmpty(),
                            fingerprint);
        }
    }

    /** Whether all positions are changed in the same way. */
    boolean isEverywhere() {
        return positions.isEmpty()
                && keys.isEmpty()
                && !by.reference()
                        .map(reference -> reference.isPerPosition(site))
                        .orElse(false);
    }

    /** Puts this on top of what is there: factors and values [positions or 1, width]. */
    void applyTo(Site at, int length, boolean everywhere, float[] keep, float[] fill) {
        int[] changed = units.at(at);
        int width = at.width();
        for (int position : everywhere ? new int[] {0} : positions(positions, length)) {
            int from = position * width;
            for (int unit : changed) {
                keep[from + unit] *= by.keep();
                fill[from + unit] *= by.keep();
            }
            by.reference().ifPresent(reference -> reference.addTo(fill, from, changed, site, position, by.times()));
        }
    }

    /** The same for attention patterns: factors [heads, queries, keys]. */
    void applyTo(Site at, int length, float[] keep) {
        int[] queries = positions(positions, length);
        int[] seen = positions(keys, length);
        for (int head : units.at(at)) {
            for (int query : queries) {
                for (int key : seen) {
                    keep[(head * length + query) * length + key] *= by.keep();
                }
            }
        }
    }

    private int[] positions(List<Integer> some, int length) {
        if (some.isEmpty()) {
            return IntStream.range(0, length).toArray();
        }
        for (int position : some) {
            if (position >= length || position < -length) {
                throw new ModscanException(site + " is to be changed at position " + position + ", and the prompt has "
                        + length + " tokens: 0 to " + (length - 1) + ", or -1 to " + -length + " from the end");
            }
        }
        return some.stream()
                .mapToInt(position -> position < 0 ? length + position : position)
                .distinct()
                .sorted()
                .toArray();
    }

    /**
     * The change in words.
     *
     * @return site, units, positions, and what becomes of them
     */
    @Override
    public String toString() {
        return site + " " + units
                + (positions.isEmpty() ? "" : " at " + positions)
                + (keys.isEmpty() ? "" : " from " + keys)
                + " := " + by;
    }
}
