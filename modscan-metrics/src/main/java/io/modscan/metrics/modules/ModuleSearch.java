package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.Partition;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** Looks for the modules of some units, for those of halves of the prompts, and for those of planted and of shuffled values. */
final class ModuleSearch {

    /** How many partitions each search begins with. */
    private static final int STARTS = 10;

    /** Of planted values, and at other resolutions, where a mean is all that is told. */
    private static final int FEW_SPLITS = 3;

    private final Columns columns;
    private final ModuleSettings settings;
    private final double threshold;
    private final List<CommunitySearch> searches;
    /** That one of them whose modules were asked for. */
    private final CommunitySearch search;

    private final int total;
    private int done;

    ModuleSearch(Columns columns, ModuleSettings settings) {
        this.columns = columns;
        this.settings = settings;
        this.threshold = settings.threshold(columns);
        this.searches = settings.searches();
        this.search = new CommunitySearch(settings.resolution);
        this.total = 1 + 2 * settings.splits + 2 * fewSplits() + settings.shuffles;
    }

    private int fewSplits() {
        return Math.min(FEW_SPLITS, settings.splits);
    }

    private void done(String part) {
        done++;
        settings.progress.accept(new ModuleProgress(part, done, total));
    }

    ModuleMap run() {
        SplittableRandom random = new SplittableRandom(settings.seed);
        Links links = links(columns);
        CommunitySearch.Consensus consensus =
                search.consensus(links, settings.starts, STARTS, random.nextLong());
        List<Partition> partitions = partitions(links, consensus.partition(), random.nextLong());
        done("prompts");

        Halves halves = new Halves(
                columns, splits(), this::links, random.split(), () -> done("halves"));
        Places places = Places.of(consensus, links, halves.stability(consensus.partition().communities(), search));
        Halves ofPlanted = new Halves(
                PlantedValues.of(columns, places.modules(), settings.absolute, random.split()),
                Map.of(search, places.modules().isEmpty() ? 0 : fewSplits()),
                this::links,
                random.split(),
                () -> done("planted"));
        // Before values are shuffled.
        List<Cohesion> cohesions = places.modules().stream().map(this::cohesion).toList();
        Shuffled shuffled = shuffled(consensus.partition().weight(), random.split());

        List<Integer> bySize = IntStream.range(0, cohesions.size())
                .boxed()
                .sorted(Comparator.comparingInt(i -> -places.modules().get(i).size()))
                .toList();
        List<UnitModule> modules = bySize.stream()
                .map(i -> new UnitModule(
                        places.modules().get(i).stream()
                                .map(unit -> places.member(unit, columns))
                                .toList(),
                        cohesions.get(i).correlation(),
                        places.stability(i),
                        AgainstShuffles.of(cohesions.get(i).excess(), shuffled.closest()).p()))
                .toList();
        List<BorderUnit> border = places.border().stream()
                .map(unit -> new BorderUnit(places.member(unit, columns), places.nearest(unit, bySize)))
                .toList();
        double modularity = consensus.partition().modularity();
        return new ModuleMap(
                modules,
                border,
                places.alone().stream().map(columns.units()::get).toList(),
                columns.leftOut(),
                settings.absolute,
                threshold,
                links.pairs(),
                settings.resolution,
                IntStream.range(0, searches.size())
                        .mapToObj(i -> step(searches.get(i), partitions.get(i), halves.agreements(searches.get(i))))
                        .toList(),
                HalvesAgreement.of(halves.agreements(search), ofPlanted.agreements(search)),
                settings.shuffles,
                AgainstShuffles.of(modularity, shuffled.inMeasuredWeight()),
                AgainstShuffles.of(modularity, shuffled.modularities()));
    }

    private Links links(Columns of) {
        return Correlations.links(of, threshold, settings.neighbours, settings.absolute);
    }

    private Cohesion cohesion(List<Integer> members) {
        return Cohesion.of(columns, members, settings.absolute);
    }

    /** The best partitions at all resolutions, of which one is known. */
    private List<Partition> partitions(Links links, Partition known, long seed) {
        Interrupt interrupt = Interrupt.ofThisThread();
        return searches.parallelStream()
                .map(one -> one.equals(search) ? known : one.partition(links, STARTS, seed, interrupt))
                .toList();
    }

    private Map<CommunitySearch, Integer> splits() {
        return searches.stream()
                .collect(Collectors.toMap(one -> one, one -> one.equals(search) ? settings.splits : fewSplits()));
    }

    private static ResolutionStep step(CommunitySearch of, Partition partition, double[] agreements) {
        int[] sizes = partition.members().stream()
                .mapToInt(List::size)
                .filter(size -> size > 1)
                .toArray();
        return new ResolutionStep(
                of.resolution(),
                sizes.length,
                IntStream.of(sizes).max().orElse(0),
                partition.modularity(),
                DoubleStream.of(agreements).average().orElse(Double.NaN));
    }

    /**
     * What is found in shuffled values, a number for each shuffle.
     *
     * @param modularities     the modularity
     * @param inMeasuredWeight the same, counted in the weight of the measured links
     * @param closest          the excess of that module that goes together most closely
     */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    private record Shuffled(double[] modularities, double[] inMeasuredWeight, double[] closest) {}

    private Shuffled shuffled(double measuredWeight, SplittableRandom random) {
        int shuffles = settings.shuffles;
        Shuffled shuffled = new Shuffled(new double[shuffles], new double[shuffles], new double[shuffles]);
        Interrupt interrupt = Interrupt.ofThisThread();
        for (int i = 0; i < shuffles; i++) {
            columns.shuffle(random);
            Partition partition = search.partition(links(columns), STARTS, random.nextLong(), interrupt);
            shuffled.modularities[i] = partition.modularity();
            shuffled.inMeasuredWeight[i] = partition.excess() / measuredWeight;
            shuffled.closest[i] = partition.members().stream()
                    .filter(members -> members.size() > 1)
                    .mapToDouble(members -> cohesion(members).excess())
                    .max()
                    .orElse(Double.NEGATIVE_INFINITY);
            done("shuffles");
        }
        return shuffled;
    }
}
