package io.modscan.metrics.modules;

import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** Module maps that nobody measured. */
final class MadeMaps {

    private MadeMaps() {}

    static Site site(String name, int units) {
        return new Site(name, OptionalInt.of(0), List.of(Axis.units(units)), false);
    }

    static List<Unit> units(Site site, IntStream which) {
        return which.mapToObj(i -> Unit.of(site, i)).toList();
    }

    static UnitModule module(List<Unit> members) {
        return new UnitModule(
                members.stream().map(unit -> new Member(unit, 1, 0.75)).toList(), 0.5, 0.75, 0.05);
    }

    static ModuleMap map(List<UnitModule> modules, List<Unit> outside, List<Unit> leftOut) {
        AgainstShuffles nothing = AgainstShuffles.of(0, new double[0]);
        return new ModuleMap(
                modules,
                List.of(),
                outside,
                leftOut,
                false,
                0.5,
                1,
                1,
                List.of(),
                HalvesAgreement.none(),
                19,
                nothing,
                nothing);
    }

    /** A map of the units of a site, each in the module of this number, or in none of a negative one. */
    static ModuleMap map(Site site, int... places) {
        List<UnitModule> modules = new ArrayList<>();
        for (int module = 0; module <= IntStream.of(places).max().orElse(-1); module++) {
            int number = module;
            modules.add(module(units(site, IntStream.range(0, places.length).filter(i -> places[i] == number))));
        }
        return map(modules, units(site, IntStream.range(0, places.length).filter(i -> places[i] < 0)), List.of());
    }
}
