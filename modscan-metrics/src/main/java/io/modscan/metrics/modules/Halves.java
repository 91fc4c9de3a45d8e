package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.CommunitySearch;
import io.modscan.metrics.internal.graph.Counterparts;
import io.modscan.metrics.internal.graph.Links;
import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * The prompts split in two halves again and again, and each half's partition of the units by itself. Half of the prompts, drawn
 * without replacement, vary about their whole as much as the whole about the texts that it was drawn from, and the halves of a
 * split have nothing in common: complementary pairs, as in Shah and Samworth, "Variable selection with error control: another look at
 * stability selection", 2013.
 */
final class Halves {

    /** Of which correlations can be told in a half, too. */
    private static final int FEWEST_PROMPTS = 6;

    /** With fewer starts than for all prompts: it is the prompts here that differ most. */
    private static final int STARTS = 4;

    /** Of each half, the two of a split one behind the other, and each resolution: the unit's groups. */
    private final List<List<int[]>> partitions = new ArrayList<>();

    /**
     * Splits prompts, and looks for the groups of units in each half.
     *
     * @param searches for each resolution
     * @param done     is called when a half is done
     */
    Halves(
            Columns columns,
            int splits,
            List<CommunitySearch> searches,
            Function<Columns, Links> toLinks,
            SplittableRandom random,
            Runnable done) {
        int prompts = columns.prompts();
        for (int split = 0; split < splits && prompts >= FEWEST_PROMPTS; split++) {
            int[] order = IntStream.range(0, prompts).toArray();
            FisherYates.shuffle(prompts, random, (i, j) -> {
                int other = order[j];
                order[j] = order[i];
                order[i] = other;
            });
            for (int[] half : List.of(
                    Arrays.copyOfRange(order, 0, prompts / 2), Arrays.copyOfRange(order, prompts / 2, prompts))) {
                Arrays.sort(half);
                Links links = toLinks.apply(columns.over(half));
                long seed = random.nextLong();
                Interrupt interrupt = Interrupt.ofThisThread();
                partitions.add(searches.parallelStream()
                        .map(search -> search.partition(links, STARTS, seed, interrupt).communities())
                        .toList());
                done.run();
            }
        }
    }

    /** The adjusted Rand index of each split. */
    double[] agreements(int resolution) {
        return IntStream.range(0, partitions.size() / 2)
                .mapToDouble(split -> new Contingency(
                                partitions.get(2 * split).get(resolution),
                                partitions.get(2 * split + 1).get(resolution))
                        .adjustedRand())
                .toArray();
    }

    /** How each half looks beside a partition. */
    private List<Counterparts> beside(int[] communities, int resolution) {
        return partitions.stream()
                .map(ofHalf -> new Counterparts(communities, ofHalf.get(resolution)))
                .toList();
    }

    /**
     * How stable the communities of a partition are.
     *
     * @param communities of each community the mean of its Jaccard index with its counterpart; NaN without halves
     * @param nodes       of each node the share of halves in which it is in its community's counterpart; NaN without halves
     */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    record Stability(double[] communities, double[] nodes) {}

    Stability stability(int[] communities, int resolution) {
        List<Counterparts> beside = beside(communities, resolution);
        double[] ofCommunities = IntStream.range(
                        0, Arrays.stream(communities).max().orElse(-1) + 1)
                .mapToDouble(community -> beside.stream()
                        .mapToDouble(half -> half.jaccard(community))
                        .average()
                        .orElse(Double.NaN))
                .toArray();
        int[] stays = new int[communities.length];
        for (Counterparts half : beside) {
            boolean[] with = half.stays();
            for (int node = 0; node < stays.length; node++) {
                stays[node] += with[node] ? 1 : 0;
            }
        }
        double[] ofNodes = Arrays.stream(stays)
                .mapToDouble(count -> beside.isEmpty() ? Double.NaN : (double) count / beside.size())
                .toArray();
        return new Stability(ofCommunities, ofNodes);
    }
}
