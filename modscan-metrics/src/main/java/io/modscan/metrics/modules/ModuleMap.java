package io.modscan.metrics.modules;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Which units respond together, and whether that is more than chance. {@link Modules} tells how they are found.
 *
 * @param modules    the modules, of at least two units each, in falling size, among equals in order of their first units
 * @param border     units that are linked, and yet in no module for certain, in order
 * @param singletons units without a link, in order
 * @param leftOut    units that are constant, or have a value that is not finite, in order
 * @param absolute   whether the size of a correlation made a link, so that a member's sign means nothing
 * @param threshold  the correlation that makes a link, as it was set or else came out of the numbers of units and prompts
 * @param links      how many pairs of units are linked
 * @param resolution γ
 * @param resolutions what comes out at other resolutions, and at this one, in order of resolutions
 * @param halves     how far the partitions of two halves of the prompts agree, beside what planted modules give
 * @param shuffles   how often values were shuffled
 * @param modularity Q of the best partition, in which units on the border are where they are best, against what Q is for shuffled
 *                   values when it is counted in the weight of the measured
 *                   links: Q w<sub>shuffled</sub> / w. So this compares how much of the links' weight lies inside of modules
 *                   beyond what strengths lead to expect, whatever the threshold. NaN without a link
 * @param plainModularity the same Q against that of the graphs of shuffled values as it is, NaN for those without a link.
 *                   To be gone by only if the threshold is 0: above it shuffled values leave a few scattered links, and the
 *                   Q of such a graph is near 1
 */
public record ModuleMap(
        List<UnitModule> modules,
        List<BorderUnit> border,
        List<Unit> singletons,
        List<Unit> leftOut,
        boolean absolute,
        double threshold,
        long links,
        double resolution,
        List<ResolutionStep> resolutions,
        HalvesAgreement halves,
        int shuffles,
        AgainstShuffles modularity,
        AgainstShuffles plainModularity) {

    /**
     * Copies the lists.
     *
     * @param modules    see above
     * @param border     see above
     * @param singletons see above
     * @param leftOut    see above
     * @param absolute   see above
     * @param threshold  see above
     * @param links      see above
     * @param resolution see above
     * @param resolutions see above
     * @param halves     see above
     * @param shuffles   see above
     * @param modularity see above
     * @param plainModularity see above
     */
    public ModuleMap {
        modules = List.copyOf(modules);
        border = List.copyOf(border);
        singletons = List.copyOf(singletons);
        leftOut = List.copyOf(leftOut);
        resolutions = List.copyOf(resolutions);
    }

    /**
     * The units that are in no module: those on the border, and those without a link.
     *
     * @return the one behind the other, each in order
     */
    public List<Unit> outside() {
        return Stream.concat(border.stream().map(unit -> unit.member().unit()), singletons.stream())
                .toList();
    }

    /**
     * The modules that last: more than chance, and found again over other prompts.
     *
     * @return those that {@link UnitModule#lasts()}, in order
     */
    public List<UnitModule> lasting() {
        return modules.stream().filter(UnitModule::lasts).toList();
    }

    /**
     * The least p that there can be, which says that no shuffle did as well.
     *
     * @return 1 / (1 + shuffles); 1 without shuffles
     */
    public double leastP() {
        return 1.0 / (1 + shuffles);
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return how many units are where, and how good the partition is
     */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "ModuleMap[%d units in %d modules, %d on the border, %d alone, %d left out; modularity %.3f%s%s]",
                modules.stream().mapToInt(UnitModule::size).sum(),
                modules.size(),
                border.size(),
                singletons.size(),
                leftOut.size(),
                modularity.observed(),
                shuffles == 0
                        ? ""
                        : String.format(
                                Locale.ROOT, ", in shuffled values %.3f, p %.2g", modularity.mean(), modularity.p()),
                halves.splits() == 0 ? "" : "; " + halves);
    }

    /**
     * What the modules respond to, named by their members: for each label the share of those that light up for it, or, where
     * modules were found by absolute correlation, light up or go dark, beside the share of all units of this map that do, in
     * modules or not; those left out don't count. A unit whose selectivity is NaN does neither, and counts all the same.
     *
     * @param map       the selectivity of the same sites
     * @param criterion what lights up or goes dark, such as {@link Criterion#standard()}
     * @return the topics of each module, in order of the modules; {@link ModuleTopics} tells which label names one
     * @throws ModscanException if the site of a unit is not in the map
     */
    public List<ModuleTopics> topics(SelectivityMap map, Criterion criterion) {
        return ModuleTopics.of(modules, outside(), map.labels(), (unit, label) -> {
            UnitSelectivity row = map.get(unit, label);
            return criterion.lightsUp(row) || (absolute && criterion.goesDark(row));
        });
    }
}
