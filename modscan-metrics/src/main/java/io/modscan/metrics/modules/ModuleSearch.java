package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.Partition;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Looks for the modules of some units, for those of halves of the prompts, and for those of planted and of shuffled values. */
final class ModuleSearch {

    /** How many partitions each search begins with. */
    private static final int STARTS = 10;

    /** Of planted values, which differ from each other less than halves do. */
    private static final int PLANTED_SPLITS = 3;

    private final Columns columns;
    private final ModuleSettings settings;
    private final double threshold;
    private final List<CommunitySearch> searches;
    /** Which of the searches is the one that was asked for. */
    private final int own;

    private final int total;
    private int done;

    ModuleSearch(Columns columns, ModuleSettings settings) {
        this.columns = columns;
        this.settings = settings;
        this.threshold = settings.threshold(columns);
        this.searches = settings.searches();
        this.own = searches.indexOf(new CommunitySearch(settings.resolution));
        this.total = 1 + 2 * settings.splits + 2 * plantedSplits() + settings.shuffles;
    }

    private int plantedSplits() {
        return Math.min(PLANTED_SPLITS, settings.splits);
    }

    private void done(String part) {
        done++;
        settings.progress.accept(new ModuleProgress(part, done, total));
    }

    ModuleMap run() {
        SplittableRandom random = new SplittableRandom(settings.seed);
        Links links = links(columns);
        CommunitySearch.Consensus consensus =
                searches.get(own).consensus(links, settings.starts, STARTS, random.nextLong());
        List<Partition> partitions = partitions(links, consensus.partition(), random.nextLong());
        done("prompts");

        Halves halves = new Halves(
                columns, settings.splits, searches, this::links, random.split(), () -> done("halves"));
        Places places = Places.of(consensus, links, halves.stability(consensus.partition().communities(), own));
        Halves ofPlanted = new Halves(
                PlantedValues.of(columns, places.modules(), settings.absolute, random.split()),
                places.modules().isEmpty() ? 0 : plantedSplits(),
                List.of(searches.get(own)),
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
                        .mapToObj(i -> step(searches.get(i), partitions.get(i), halves.agreements(i)))
                        .toList(),
                HalvesAgreement.of(halves.agreements(own), ofPlanted.agreements(0)),
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
        return IntStream.range(0, searches.size())
                .parallel()
                .mapToObj(i -> i == own ? known : searches.get(i).partition(links, STARTS, seed, interrupt))
                .toList();
    }

    private static ResolutionStep step(CommunitySearch search, Partition partition, double[] agreements) {
        int[] sizes = partition.members().stream()
                .mapToInt(List::size)
                .filter(size -> size > 1)
                .toArray();
        return new ResolutionStep(
                search.resolution(),
                sizes.length,
                IntStream.of(sizes).max().orElse(0),
                partition.modularity(),
                IntStream.range(0, agreements.length).mapToDouble(i -> agreements[i]).average().orElse(Double.NaN));
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
            Partition partition = searches.get(own).partition(links(columns), STARTS, random.nextLong(), interrupt);
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
