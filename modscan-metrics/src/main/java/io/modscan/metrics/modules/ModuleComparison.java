package io.modscan.metrics.modules;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.rank.Hypergeometric;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/**
 * How far two module maps agree: of two seeds, two halves of the prompts, two models or checkpoints, or of modules that were found in
 * different ways. Immutable.
 *
 * <pre>{@code
 * ModuleComparison agreement = ModuleComparison.of(before, after);
 * System.out.println(agreement);
 * agreement.overlaps().stream().filter(overlap -> overlap.q() <= 0.05).forEach(System.out::println);
 * }</pre>
 *
 * <p>A unit of the one map is the same as a unit of the other if they have the same name: that of the site, the head and the unit;
 * the sites may have other axes or sizes. A name is all that is compared, so in two models they must mean the same, as in two checkpoints of
 * one training. In two bases that were fitted by themselves, the fourth coordinates have nothing to do with each other. Units that are
 * in one map only, since the other doesn't know them or has {@linkplain ModuleMap#leftOut() left them out}, are {@linkplain
 * #onlyInOne() listed} and not compared.
 *
 * <p>The agreement is told twice: over {@linkplain #all() all units} that both maps have, a unit outside of any module being alone, in a class of
 * its own; and over those that are {@linkplain #inModules() in modules of both}, which says whether the same units are put together,
 * whatever the number of those that one map leaves outside.
 */
public final class ModuleComparison {

    /**
     * How far two partitions of the same units agree.
     *
     * @param units                  how many units there are
     * @param adjustedRand           the adjusted Rand index of Hubert and Arabie, "Comparing partitions", 1985 (<a
     *                               href="https://doi.org/10.1007/BF01908075">doi:10.1007/BF01908075</a>): of pairs of units that are
     *                               together in both, how many more than by chance, for classes of these sizes, as a share of what there
     *                               could be. 1 for the same partition, 0 on average for two that have nothing to do with each other; it
     *                               can be negative. 0 if one has all units alone, or all together, and the other has not. NaN if both
     *                               have all alone, or both all together, or there are less than two units: 0 / 0, since then no
     *                               other outcome is possible
     * @param variationOfInformation that of Meilă, "Comparing clusterings: an information based distance", 2007 (<a
     *                               href="https://doi.org/10.1016/j.jmva.2006.11.013">doi:10.1016/j.jmva.2006.11.013</a>), in nats:
     *                               how much of a unit's class in the one is not known from its class in the other, and the other way
     *                               round, H(one | other) + H(other | one). 0 for the same partition, exactly, and at most the logarithm
     *                               of the number of units; NaN without units
     */
    public record Agreement(int units, double adjustedRand, double variationOfInformation) {

        static Agreement of(Contingency counts) {
            return new Agreement(counts.things(), counts.adjustedRand(), counts.variationOfInformation());
        }

        /**
         * The variation of information as a share of the largest that so many units allow.
         *
         * @return the variation of information / ln(units), in [0, 1]; NaN for less than two units. For the same two partitions of
         *     more units it is smaller, so it compares comparisons of equally many units only
         */
        public double normalised() {
            return units < 2 ? Double.NaN : variationOfInformation / Math.log(units);
        }

        /**
         * A line to read, numbers rounded.
         *
         * @return the numbers
         */
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%d units, adjusted Rand index %.3f, variation of information %.3f nats",
                    units,
                    adjustedRand,
                    variationOfInformation);
        }
    }

    /**
     * A module of the one map and a module of the other that have units in common. Only units that both maps have count.
     *
     * @param one      the number of the module in the first map, from 0
     * @param other    the number of the module in the second map, from 0
     * @param shared   how many units they have in common, at least one
     * @param jaccard  shared / the number of units that are in either, in (0, 1]
     * @param expected how many they would have in common on average, were the members of one drawn at random from all units that
     *                 both maps have
     * @param p        the probability that they would then have as many in common, or more (hypergeometric); below 1e-300 it may be 0
     * @param q        p corrected over all pairs of a module of the first and one of the second (Benjamini and Hochberg), those that have
     *                 nothing in common included
     */
    public record Overlap(int one, int other, int shared, double jaccard, double expected, double p, double q) {

        /**
         * A line to read, numbers rounded.
         *
         * @return the modules and the numbers
         */
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "module %d and module %d: %d units in common (%.1f by chance, q %s), Jaccard %.2f",
                    one,
                    other,
                    shared,
                    expected,
                    ModuleTopics.small(q),
                    jaccard);
        }
    }

    /** What a unit is called: what the two maps have in common. */
    private record Name(String site, OptionalInt head, String unit) {
        static Name of(Unit unit) {
            return new Name(
                    unit.site().name(),
                    unit.head(),
                    unit.unit().isEmpty()
                            ? ""
                            : unit.name().orElse(Integer.toString(unit.unit().getAsInt())));
        }
    }

    /** A unit, and the number of its module, negative and its own if it is in none. */
    private record Placed(Unit unit, int place) {}

    private final int modulesOfOne;
    private final int modulesOfOther;
    private final Agreement all;
    private final Agreement inModules;
    private final List<Overlap> overlaps;
    private final List<Unit> onlyInOne;
    private final List<Unit> onlyInOther;

    private ModuleComparison(
            int modulesOfOne,
            int modulesOfOther,
            Agreement all,
            Agreement inModules,
            List<Overlap> overlaps,
            List<Unit> onlyInOne,
            List<Unit> onlyInOther) {
        this.modulesOfOne = modulesOfOne;
        this.modulesOfOther = modulesOfOther;
        this.all = all;
        this.inModules = inModules;
        this.overlaps = overlaps;
        this.onlyInOne = onlyInOne;
        this.onlyInOther = onlyInOther;
    }

    /**
     * Compares two maps. For u units and m pairs of modules that overlap it takes O(u + m·s) time, s being the size of the smaller
     * module of each pair.
     *
     * @param one   the first
     * @param other the second
     * @return how far they agree
     * @throws ModscanException if they have no unit in common, or one of them has a unit twice
     */
    public static ModuleComparison of(ModuleMap one, ModuleMap other) {
        Map<Name, Placed> ofOne = places(one, "first");
        Map<Name, Placed> ofOther = places(other, "second");
        List<Name> common = ofOne.keySet().stream().filter(ofOther::containsKey).toList();
        if (common.isEmpty()) {
            throw new ModscanException(
                    "the two maps have no unit in common: the first has " + some(ofOne, one)
                            + ", the second " + some(ofOther, other)
                            + "; units are the same if their sites have the same name, and the heads and units the same numbers");
        }
        int[] inOne = places(common, ofOne);
        int[] inOther = places(common, ofOther);
        Contingency counts = new Contingency(inOne, inOther);
        int[] both = IntStream.range(0, common.size())
                .filter(i -> inOne[i] >= 0 && inOther[i] >= 0)
                .toArray();
        Contingency within = new Contingency(chosen(inOne, both), chosen(inOther, both));
        return new ModuleComparison(
                one.modules().size(),
                other.modules().size(),
                Agreement.of(counts),
                Agreement.of(within),
                overlaps(counts, (long) one.modules().size() * other.modules().size()),
                without(ofOne, ofOther),
                without(ofOther, ofOne));
    }

    private static Map<Name, Placed> places(ModuleMap map, String which) {
        Map<Name, Placed> places = new LinkedHashMap<>();
        for (int module = 0; module < map.modules().size(); module++) {
            for (Unit unit : map.modules().get(module).units()) {
                place(places, unit, module, which);
            }
        }
        for (Unit unit : map.outside()) {
            place(places, unit, -1 - places.size(), which);
        }
        return places;
    }

    private static void place(Map<Name, Placed> places, Unit unit, int place, String which) {
        if (places.put(Name.of(unit), new Placed(unit, place)) != null) {
            throw new ModscanException(
                    "the " + which + " map has '" + unit + "' twice; a unit is in one module, or in none");
        }
    }

    private static int[] places(List<Name> names, Map<Name, Placed> placed) {
        return names.stream()
                .mapToInt(name -> Objects.requireNonNull(placed.get(name)).place())
                .toArray();
    }

    private static int[] chosen(int[] from, int[] which) {
        return Arrays.stream(which).map(i -> from[i]).toArray();
    }

    private static String some(Map<Name, Placed> units, ModuleMap map) {
        return units.isEmpty()
                ? map.leftOut().isEmpty()
                        ? "none"
                        : "none but " + map.leftOut().size() + " that are constant or not finite, and left out"
                : units.size() + " such as '" + units.values().iterator().next().unit() + "'";
    }

    private static List<Unit> without(Map<Name, Placed> units, Map<Name, Placed> others) {
        return units.entrySet().stream()
                .filter(entry -> !others.containsKey(entry.getKey()))
                .map(entry -> entry.getValue().unit())
                .sorted(Comparator.comparing((Unit unit) -> unit.site().name()).thenComparingInt(Unit::inSite))
                .toList();
    }

    private static List<Overlap> overlaps(Contingency counts, long pairs) {
        List<Contingency.Cell> cells = counts.cells().stream()
                .filter(cell -> cell.one() >= 0 && cell.other() >= 0)
                .toList();
        double[] p = new double[cells.size()];
        for (int i = 0; i < p.length; i++) {
            Contingency.Cell cell = cells.get(i);
            p[i] = new Hypergeometric(counts.things(), counts.sizeOfOne(cell.one()), counts.sizeOfOther(cell.other()))
                    .atLeast(cell.shared());
        }
        double[] q = BenjaminiHochberg.adjust(p);
        List<Overlap> overlaps = new ArrayList<>();
        for (int i = 0; i < p.length; i++) {
            Contingency.Cell cell = cells.get(i);
            double ofOne = counts.sizeOfOne(cell.one());
            double ofOther = counts.sizeOfOther(cell.other());
            overlaps.add(new Overlap(
                    cell.one(),
                    cell.other(),
                    cell.shared(),
                    cell.shared() / (ofOne + ofOther - cell.shared()),
                    ofOne * ofOther / counts.things(),
                    p[i],
                    // The pairs without a unit in common have a p of 1, come last, and count all the same.
                    Math.min(1, q[i] * ((double) pairs / p.length))));
        }
        return List.copyOf(overlaps);
    }

    /**
     * The agreement over all units that both maps have.
     *
     * @return over at least one unit
     */
    public Agreement all() {
        return all;
    }

    /**
     * The agreement over the units that are in a module of the one map and in a module of the other.
     *
     * @return over no unit if there is none
     */
    public Agreement inModules() {
        return inModules;
    }

    /**
     * The overlap table: each pair of modules that have a unit in common.
     *
     * @return in order of the modules of the first map, then of the second; unmodifiable
     */
    public List<Overlap> overlaps() {
        return overlaps;
    }

    /**
     * For each module of the first map, the module of the second that it is most like.
     *
     * @return an entry a module, in order: the overlap of the largest Jaccard index, the first among equals; empty if it has no unit in
     *     common with any module
     */
    public List<Optional<Overlap>> counterpartsOfOne() {
        return counterparts(modulesOfOne, Overlap::one);
    }

    /**
     * For each module of the second map, the module of the first that it is most like.
     *
     * @return as above
     */
    public List<Optional<Overlap>> counterpartsOfOther() {
        return counterparts(modulesOfOther, Overlap::other);
    }

    private List<Optional<Overlap>> counterparts(int modules, ToIntFunction<Overlap> which) {
        List<Optional<Overlap>> best = new ArrayList<>(Collections.nCopies(modules, Optional.empty()));
        for (Overlap overlap : overlaps) {
            int module = which.applyAsInt(overlap);
            if (best.get(module).map(Overlap::jaccard).orElse(0.0) < overlap.jaccard()) {
                best.set(module, Optional.of(overlap));
            }
        }
        return List.copyOf(best);
    }

    /**
     * The units that are compared with nothing, since the second map doesn't have them or has left them out.
     *
     * @return units of the first map, in or outside of modules, in order of the names of sites; unmodifiable
     */
    public List<Unit> onlyInOne() {
        return onlyInOne;
    }

    /**
     * The units that are compared with nothing, since the first map doesn't have them or has left them out.
     *
     * @return units of the second map, in or outside of modules, in order of the names of sites; unmodifiable
     */
    public List<Unit> onlyInOther() {
        return onlyInOther;
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return the numbers of modules, both agreements, and how many units are in one map only
     */
    @Override
    public String toString() {
        return "ModuleComparison[" + modulesOfOne + " and " + modulesOfOther + " modules; all: " + all
                + "; in modules of both: "
                + inModules + "; " + onlyInOne.size() + " units only in the first, " + onlyInOther.size()
                + " only in the second]";
    }
}
