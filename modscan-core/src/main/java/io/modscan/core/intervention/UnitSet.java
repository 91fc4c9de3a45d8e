package io.modscan.core.intervention;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Some units of one site, or all of them, or all but some. Of what site, and so whether they are there, shows when it is used.
 *
 * @param of      what the indices count
 * @param indices ascending, each once; none where all are meant
 * @param except  whether all others are meant
 */
public record UnitSet(Of of, List<Integer> indices, boolean except) {

    /** What is counted. */
    public enum Of {
        /** Nothing: all units are meant. */
        ALL,
        /** Heads, each with all its units. */
        HEADS,
        /** Units among all of the site, as {@link Unit#inSite()} counts them: head × units of a head + unit. */
        UNITS
    }

    /**
     * Sorts the indices and checks them.
     *
     * @param of      see above
     * @param indices see above
     * @param except  see above
     * @throws IllegalArgumentException if one is negative, there are some where all are meant, or none where some are
     */
    public UnitSet {
        indices = indices.stream().distinct().sorted().toList();
        if ((of == Of.ALL) != indices.isEmpty() || (of == Of.ALL && except)) {
            throw new IllegalArgumentException(
                    "a set of units is all of a site, or at least one head or unit, or all but these;" + " this one is "
                            + (except ? "all but " : "") + of + " " + indices);
        }
        if (!indices.isEmpty() && indices.get(0) < 0) {
            throw new IllegalArgumentException("heads and units count from 0; there is no " + indices.get(0));
        }
    }

    /**
     * All units of a site.
     *
     * @return the set
     */
    public static UnitSet all() {
        return new UnitSet(Of.ALL, List.of(), false);
    }

    /**
     * Whole heads.
     *
     * @param heads their indices, at least one
     * @return the set
     * @throws IllegalArgumentException if there is none, or a negative one
     */
    public static UnitSet heads(int... heads) {
        return new UnitSet(Of.HEADS, Arrays.stream(heads).boxed().toList(), false);
    }

    /**
     * Single units.
     *
     * @param inSite their indices among all of the site, at least one
     * @return the set
     * @throws IllegalArgumentException if there is none, or a negative one
     */
    public static UnitSet units(int... inSite) {
        return new UnitSet(Of.UNITS, Arrays.stream(inSite).boxed().toList(), false);
    }

    /**
     * Units of results, all of one site. One of a site's magnitudes or attributions stands for the units that they are of: a head's, or all; a picked one for the one that was
     * picked.
     *
     * @param units at least one
     * @return the set
     * @throws IllegalArgumentException if there is none, or they are of several sites
     */
    public static UnitSet of(Collection<Unit> units) {
        if (units.stream().map(unit -> unit.site().forward().name()).distinct().count() != 1) {
            throw new IllegalArgumentException("units of one site are needed, not of "
                    + units.stream()
                            .map(unit -> unit.site().forward().name())
                            .distinct()
                            .toList());
        }
        Site site = units.iterator().next().site();
        if (units.stream().anyMatch(UnitSet::isWhole)) {
            return all();
        }
        boolean heads = units.stream().allMatch(unit -> unit.unit().isEmpty());
        if (heads) {
            return heads(
                    units.stream().mapToInt(unit -> unit.head().orElseThrow()).toArray());
        }
        int perHead = site.forward().units();
        return units(units.stream().flatMapToInt(unit -> inSite(unit, perHead)).toArray());
    }

    private static boolean isWhole(Unit unit) {
        return unit.unit().isEmpty() && unit.head().isEmpty();
    }

    private static IntStream inSite(Unit unit, int perHead) {
        Optional<Site.Picked> picked = unit.site().picked();
        if (picked.isPresent()) {
            return IntStream.of(picked.get().units().get(unit.inSite()));
        }
        int first = unit.head().orElse(0) * perHead;
        return unit.unit().isPresent()
                ? IntStream.of(first + unit.unit().getAsInt())
                : IntStream.range(first, first + perHead);
    }

    /**
     * All units of the site but these.
     *
     * @return the complement
     * @throws IllegalArgumentException if these are all
     */
    public UnitSet others() {
        return new UnitSet(of, indices, !except);
    }

    /**
     * Which these are at a site.
     *
     * @param site the site
     * @return indices among all of the site, ascending; none if all of its heads or units are excepted. Of a site of attention patterns, the
     *     heads
     * @throws ModscanException if the site has no such head or unit
     */
    public int[] at(Site site) {
        int heads = Math.max(1, site.heads());
        int perHead = Math.max(1, site.units());
        int all = of == Of.HEADS ? site.heads() : heads * perHead;
        for (int index : indices) {
            if (index >= all) {
                String what = of == Of.HEADS ? "head" : "unit";
                throw new ModscanException(
                        site + (all == 0 ? " has no " + what + "s" : " has the " + what + "s 0 to " + (all - 1))
                                + ", so no " + what + " " + index);
            }
        }
        boolean[] named = new boolean[heads * perHead];
        for (int index : indices) {
            int width = of == Of.HEADS ? perHead : 1;
            Arrays.fill(named, index * width, (index + 1) * width, true);
        }
        return IntStream.range(0, named.length)
                .filter(unit -> of == Of.ALL || named[unit] != except)
                .toArray();
    }

    /**
     * The set in words.
     *
     * @return such as {@code heads 3, 5} or {@code all but unit 17}
     */
    @Override
    public String toString() {
        if (of == Of.ALL) {
            return "all units";
        }
        String some = indices.toString();
        return (except ? "all but " : "")
                + (of == Of.HEADS ? "head" : "unit")
                + (indices.size() > 1 ? "s " : " ")
                + some.substring(1, some.length() - 1);
    }
}
