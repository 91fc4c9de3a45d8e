package io.modscan.metrics.modules;

import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.graph.Leiden;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.Partition;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Looks for the modules of some units, and for those of shuffled values.
 *
 * @param columns    the units' values, which are shuffled
 * @param threshold  the correlation that makes a link
 * @param neighbours how many links a unit keeps
 * @param absolute   whether the size of a correlation counts
 * @param leiden     finds communities
 */
record ModuleSearch(Columns columns, double threshold, int neighbours, boolean absolute, Leiden leiden) {

    ModuleMap run(int shuffles, long seed) {
        Leiden.Draws random = new Leiden.Draws(seed);
        Links links = links();
        Partition partition = leiden.partition(links, random);
        List<List<Integer>> together = together(partition);
        List<Cohesion> cohesions = together.stream().map(this::cohesion).toList();

        double[] modularities = new double[shuffles];
        double[] inMeasuredWeight = new double[shuffles];
        double[] closest = new double[shuffles];
        SplittableRandom shuffling = new SplittableRandom(seed);
        for (int i = 0; i < shuffles; i++) {
            Interrupt.checkThisThread();
            columns.shuffle(shuffling);
            Partition ofShuffled = leiden.partition(links(), random);
            modularities[i] = ofShuffled.modularity();
            inMeasuredWeight[i] = ofShuffled.excess() / partition.weight();
            closest[i] = together(ofShuffled).stream()
                    .mapToDouble(members -> cohesion(members).excess())
                    .max()
                    .orElse(Double.NEGATIVE_INFINITY);
        }

        List<UnitModule> modules = IntStream.range(0, together.size())
                .mapToObj(i -> new UnitModule(
                        units(together.get(i)),
                        cohesions.get(i).correlation(),
                        AgainstShuffles.of(cohesions.get(i).excess(), closest).p()))
                .sorted(Comparator.comparingInt((UnitModule module) -> -module.size()))
                .toList();
        List<Unit> singletons = partition.members().stream()
                .filter(members -> members.size() == 1)
                .flatMap(members -> units(members).stream())
                .toList();
        return new ModuleMap(
                modules,
                singletons,
                columns.leftOut(),
                absolute,
                threshold,
                links.pairs(),
                AgainstShuffles.of(partition.modularity(), inMeasuredWeight),
                AgainstShuffles.of(partition.modularity(), modularities));
    }

    private Links links() {
        return Correlations.links(columns, threshold, neighbours, absolute);
    }

    private Cohesion cohesion(List<Integer> members) {
        return Cohesion.of(columns, members, absolute);
    }

    private static List<List<Integer>> together(Partition partition) {
        return partition.members().stream()
                .filter(members -> members.size() > 1)
                .toList();
    }

    private List<Unit> units(List<Integer> members) {
        return members.stream().map(columns.units()::get).toList();
    }
}
