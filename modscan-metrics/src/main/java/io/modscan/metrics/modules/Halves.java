package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.graph.Counterparts;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.graph.Partition;
import io.modscan.metrics.internal.graph.Places;
import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The prompts split in two halves again and again, and each half's partition of the units by itself. Half of the prompts, drawn
 * without replacement, vary about their whole as much as the whole about the texts that it was drawn from, and the halves of a
 * split have nothing in common: complementary pairs, as in Shah and Samworth, "Variable selection with error control: another look at
 * stability selection", 2013.
 */
final class Halves {

    /** So many that correlations can be told in a half, too. */
    static final int FEWEST_PROMPTS = 6;

    /** With fewer starts than for all prompts: it is the prompts here that differ most. */
    private static final int STARTS = 2;

    /** Of each search, each half that it was used on, the two of a split one behind the other: the units' groups. */
    private final Map<CommunitySearch, List<int[]>> partitions = new HashMap<>();

    /**
     * Splits prompts, and looks for the groups of units in each half.
     *
     * @param splits for each search the number of splits that it is used on
     * @param done   is called when a half is done
     */
    Halves(
            Observed observed,
            Map<CommunitySearch, Integer> splits,
            Function<Observed, Links> toLinks,
            boolean absolute,
            SplittableRandom random,
            Runnable done) {
        int prompts = observed.prompts();
        splits.keySet().forEach(search -> partitions.put(search, new ArrayList<>()));
        int most = splits.values().stream().mapToInt(i -> i).max().orElse(0);
        Interrupt interrupt = Interrupt.ofThisThread();
        for (int i = 0; i < most && prompts >= FEWEST_PROMPTS; i++) {
            int split = i;
            int[] order = IntStream.range(0, prompts).toArray();
            FisherYates.shuffle(prompts, random, (one, another) -> {
                int prompt = order[another];
                order[another] = order[one];
                order[one] = prompt;
            });
            List<Observed> halves = Stream.of(
                            Arrays.copyOfRange(order, 0, prompts / 2), Arrays.copyOfRange(order, prompts / 2, prompts))
                    .map(half -> observed.over(Arrays.stream(half).sorted().toArray()))
                    .toList();
            List<Links> links = halves.stream().map(toLinks).toList();
            long seed = random.nextLong();
            List<CommunitySearch> used = splits.keySet().stream()
                    .filter(search -> split < splits.getOrDefault(search, 0))
                    .toList();
            List<int[]> found = IntStream.range(0, 2 * used.size())
                    .parallel()
                    .mapToObj(k -> {
                        Partition of = used.get(k / 2).partition(links.get(k % 2), STARTS, seed + k % 2, interrupt);
                        return new Followers(halves.get(k % 2), absolute).partition(of.members());
                    })
                    .toList();
            for (int k = 0; k < found.size(); k++) {
                of(used.get(k / 2)).add(found.get(k));
            }
            done.run();
            done.run();
        }
    }

    private List<int[]> of(CommunitySearch search) {
        return partitions.getOrDefault(search, List.of());
    }

    /** The adjusted Rand index of each split; where it is 0 / 0, 1 for one and the same group of all units, and 0 for no group at all. */
    double[] agreements(CommunitySearch search) {
        List<int[]> halves = of(search);
        return IntStream.range(0, halves.size() / 2)
                .mapToDouble(split -> agreement(halves.get(2 * split), halves.get(2 * split + 1)))
                .toArray();
    }

    private static double agreement(int[] half, int[] other) {
        double index = new Contingency(half, other).adjustedRand();
        boolean together = Arrays.stream(half).distinct().count() == 1;
        return Double.isNaN(index) ? (together ? 1 : 0) : index;
    }

    /**
     * How stable modules are.
     *
     * @param modules of each module the mean of its Jaccard index with its counterpart in a half; NaN without halves
     * @param units   of each unit the share of halves in which it is in the counterpart of the module that it is nearest to; NaN
     *                without halves or such a module
     */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    record Stability(double[] modules, double[] units) {}

    Stability stability(Places places, CommunitySearch search) {
        List<int[]> halves = of(search);
        double[] modules = new double[places.modules().size()];
        int[] stays = new int[places.nearest().length];
        for (int[] half : halves) {
            Counterparts beside = new Counterparts(places.partition(), half);
            for (int module = 0; module < modules.length; module++) {
                modules[module] += beside.jaccard(module);
            }
            for (int unit = 0; unit < stays.length; unit++) {
                int nearest = places.nearest()[unit];
                stays[unit] += nearest >= 0 && half[unit] == beside.counterpart(nearest) ? 1 : 0;
            }
        }
        // Without halves 0 / 0.
        Arrays.setAll(modules, module -> modules[module] / halves.size());
        double[] units = new double[stays.length];
        Arrays.setAll(units, unit -> places.nearest()[unit] < 0 ? Double.NaN : stays[unit] / (double) halves.size());
        return new Stability(modules, units);
    }
}
