package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.Partition;
import io.modscan.metrics.internal.graph.Places;
import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.rank.ChanceLevel;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.DoublePredicate;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Looks for the modules of some units, for those of halves of the prompts, and for those of planted and of shuffled values. */
final class ModuleSearch {

    /** How many partitions each search begins with. With fewer, searches end in worse partitions, and less alike. */
    private static final int STARTS = 20;

    /** At other resolutions, of which no unit's place is told. */
    private static final int RESOLUTION_STARTS = 6;

    /** Shuffled values make graphs without structure, in which a search takes long. */
    private static final int SHUFFLED_STARTS = 1;

    /** How many shuffles are searched at once, which takes as many times the memory of the values, and is part of the result. */
    private static final int AT_ONCE = 2;

    /** Of planted values, and at other resolutions, where a mean is all that is told. */
    private static final int FEW_SPLITS = 3;

    private static final String PLANTED = "planted";

    private final Observed observed;
    private final Columns columns;
    private final ModuleSettings settings;
    private final double threshold;
    private final List<CommunitySearch> searches;
    /** That one of them whose modules were asked for. */
    private final CommunitySearch search;

    private final int total;
    private int done;

    ModuleSearch(Observed observed, ModuleSettings settings) {
        this.observed = observed;
        this.columns = observed.columns();
        this.settings = settings;
        this.threshold = settings.threshold(observed);
        this.searches = settings.searches();
        this.search = new CommunitySearch(settings.resolution);
        // Two halves a split, of the measured values and of planted ones.
        this.total = 1 + 2 * splits() + 2 * fewSplits() + settings.shuffles;
    }

    private int splits() {
        return observed.prompts() < Halves.FEWEST_PROMPTS ? 0 : settings.splits;
    }

    private int fewSplits() {
        return Math.min(FEW_SPLITS, splits());
    }

    private void done(String part, int steps) {
        done += steps;
        settings.progress.accept(new ModuleProgress(part, done, total));
    }

    ModuleMap run() {
        SplittableRandom random = new SplittableRandom(settings.seed);
        Links links = links(observed);
        CommunitySearch.Consensus consensus = search.consensus(links, settings.starts, STARTS, random.nextLong());
        List<Partition> partitions = partitions(links, consensus.partition(), random.nextLong());
        done("prompts", 1);

        Places places = Places.of(followers(observed).of(consensus.certain()), consensus.partition(), links);
        Halves halves = halves(observed, splitsOfSearches(), random.split(), "halves");
        Halves ofPlanted = halves(
                PlantedValues.of(observed, places.modules(), settings.absolute, random.split()),
                Map.of(search, places.modules().isEmpty() ? 0 : fewSplits()),
                random.split(),
                PLANTED);
        if (places.modules().isEmpty() && fewSplits() > 0) {
            done(PLANTED, 2 * fewSplits());
        }
        List<ResolutionStep> steps = IntStream.range(0, searches.size())
                .mapToObj(i -> step(
                        searches.get(i),
                        partitions.get(i),
                        followers(observed).of(partitions.get(i).members()),
                        halves.agreements(searches.get(i))))
                .toList();
        List<Cohesion> cohesions = places.modules().stream()
                .map(members -> cohesion(observed, members))
                .toList();
        Shuffled shuffled = shuffled(consensus.partition().weight(), random.split());

        Halves.Stability stability = halves.stability(places, search);
        IntFunction<Member> member = unit -> new Member(
                columns.units().get(unit),
                consensus.certainty()[unit],
                stability.units()[unit]);
        List<UnitModule> modules = IntStream.range(0, cohesions.size())
                .mapToObj(i -> new UnitModule(
                        places.modules().get(i).stream().map(member::apply).toList(),
                        cohesions.get(i).correlation(),
                        stability.modules()[i],
                        AgainstShuffles.of(cohesions.get(i).excess(), shuffled.closest())
                                .p()))
                .toList();
        List<BorderUnit> border = places.border().stream()
                .map(unit -> new BorderUnit(member.apply(unit), places.nearestTo(unit)))
                .toList();
        double modularity = consensus.partition().modularity();
        // Found with as little effort as those of shuffled values.
        double likeShuffled = search.partition(links, SHUFFLED_STARTS, random.nextLong(), Interrupt.ofThisThread())
                .modularity();
        DoublePredicate asLarge = shuffledOne -> shuffledOne >= likeShuffled;
        return new ModuleMap(
                modules,
                border,
                places.alone().stream().map(columns.units()::get).toList(),
                columns.leftOut(),
                settings.absolute,
                threshold,
                links.pairs(),
                settings.resolution,
                steps,
                HalvesAgreement.of(halves.agreements(search), ofPlanted.agreements(search)),
                settings.shuffles,
                AgainstShuffles.of(modularity, shuffled.inMeasuredWeight(), asLarge),
                AgainstShuffles.of(modularity, shuffled.modularities(), asLarge));
    }

    private Halves halves(Observed of, Map<CommunitySearch, Integer> splits, SplittableRandom random, String part) {
        return new Halves(of, splits, this::links, settings.absolute, random, () -> done(part, 1));
    }

    private Followers followers(Observed of) {
        return new Followers(of, settings.absolute);
    }

    private Links links(Observed of) {
        double least = of.degrees() == observed.degrees() || settings.threshold.isPresent()
                ? threshold
                : ChanceLevel.asRare(threshold, observed.degrees(), of.degrees());
        return Correlations.links(of.columns(), least, settings.neighbours, settings.absolute);
    }

    private Cohesion cohesion(Observed of, List<Integer> members) {
        return Cohesion.of(of, members, settings.absolute);
    }

    /** The best partitions at all resolutions, of which one is known. */
    private List<Partition> partitions(Links links, Partition known, long seed) {
        Interrupt interrupt = Interrupt.ofThisThread();
        return searches.parallelStream()
                .map(one -> one.equals(search) ? known : one.partition(links, RESOLUTION_STARTS, seed, interrupt))
                .toList();
    }

    private Map<CommunitySearch, Integer> splitsOfSearches() {
        return searches.stream()
                .collect(Collectors.toMap(one -> one, one -> one.equals(search) ? splits() : fewSplits()));
    }

    private static ResolutionStep step(
            CommunitySearch of, Partition partition, List<List<Integer>> groups, double[] agreements) {
        int[] sizes = groups.stream().mapToInt(List::size).toArray();
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
        for (int from = 0; from < shuffles; from += AT_ONCE) {
            // Products of matrices use all processors, a search for communities one.
            List<Observed> some = Stream.generate(() -> observed.shuffled(random))
                    .limit(Math.min(AT_ONCE, shuffles - from))
                    .toList();
            List<Links> links = some.stream().map(this::links).toList();
            long seed = random.nextLong();
            List<Partition> partitions = IntStream.range(0, some.size())
                    .parallel()
                    .mapToObj(i -> search.partition(links.get(i), SHUFFLED_STARTS, seed + i, interrupt))
                    .toList();
            for (int i = 0; i < some.size(); i++) {
                Partition partition = partitions.get(i);
                shuffled.modularities[from + i] = partition.modularity();
                shuffled.inMeasuredWeight[from + i] = partition.excess() / measuredWeight;
                shuffled.closest[from + i] = closest(some.get(i), partition);
                done("shuffles", 1);
            }
        }
        return shuffled;
    }

    private double closest(Observed of, Partition partition) {
        return followers(of).of(partition.members()).stream()
                .mapToDouble(members -> cohesion(of, members).excess())
                .max()
                .orElse(Double.NEGATIVE_INFINITY);
    }
}
