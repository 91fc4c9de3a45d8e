package io.modscan.metrics.effect;

import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/**
 * Units that are changed together: one, a module, the top of a ranking.
 *
 * @param name  what they are called; of one unit alone, the unit in words
 * @param units at least one. A unit of a site's magnitudes, such as a head of {@code hook_z.magnitude}, stands for the units that they are of
 */
public record Target(String name, List<Unit> units) {

    /**
     * Copies the units, each once.
     *
     * @param name  see above
     * @param units see above
     * @throws IllegalArgumentException if there are none, or the name is blank
     */
    public Target {
        units = units.stream().distinct().toList();
        if (units.isEmpty() || name.isBlank()) {
            throw new IllegalArgumentException(
                    "what is changed has a name and at least one unit; this is '" + name + "' of " + units);
        }
    }

    /**
     * One unit alone.
     *
     * @param unit the unit
     * @return a target that is called as the unit is
     */
    public static Target of(Unit unit) {
        return new Target(unit.toString(), List.of(unit));
    }

    /**
     * Each of some units alone.
     *
     * @param units the units
     * @return a target for each
     */
    public static List<Target> each(Collection<Unit> units) {
        return units.stream().map(Target::of).toList();
    }

    /**
     * Each head of some sites alone.
     *
     * @param sites sites with heads, such as those of {@code attn.hook_z}
     * @return a target for each head
     * @throws IllegalArgumentException if a site has no heads
     */
    public static List<Target> heads(Collection<Site> sites) {
        return sites.stream().flatMap(Target::heads).toList();
    }

    private static Stream<Target> heads(Site site) {
        if (site.heads() == 0) {
            throw new IllegalArgumentException(site + " has no heads");
        }
        Site magnitudes = site.units() == 0 ? site : site.magnitude();
        return Stream.iterate(0, head -> head + 1).limit(site.heads()).map(head -> of(Unit.of(magnitudes, head)));
    }
}
