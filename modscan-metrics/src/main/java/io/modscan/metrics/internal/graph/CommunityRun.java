package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The search for the partition of the largest modularity, a core-groups graph clustering as in Ovelgönne and Geyer-Schulz, "An
 * ensemble learning strategy for graph clustering", 2012. The Leiden algorithm alone ends in one of many partitions that are
 * about as good and still unlike each other; what several of them agree on is taken for granted, and the search goes on with
 * groups of nodes that are together in all of them. Safe for use by many threads.
 */
final class CommunityRun {

    /**
     * A pass ends in a partition no worse than the one before. More passes make a single partition a little better and cost as much
     * as another one to begin with, which helps more.
     */
    private static final int PASSES = 2;

    private static final int PASSES_OF_CORES = 3;
    private static final int LAST_PASSES = 1;

    /**
     * Modularities are rounded to multiples of this. So among partitions that are equal but for rounding none is preferred: which one
     * is taken depends on where a run begins, and that they are equal shows.
     */
    private static final double EQUAL = 1e-9;

    /** How often the groups that all runs agree on are put together anew: there are few, so that it costs little. */
    private static final int FINAL_STARTS = 50;

    private final Network network;
    private final double resolution;
    private final double strength;
    private final Interrupt interrupt;

    CommunityRun(Network network, double resolution, Interrupt interrupt) {
        this.network = network;
        this.resolution = resolution;
        this.strength = network.strength();
        this.interrupt = interrupt;
    }

    /** A partition and its modularity, rounded. */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    record Found(int[] communities, double modularity) {}

    /** From so many partitions, each from nodes that are alone, to one. */
    Found best(int starts, SplittableRandom random) {
        Leiden leiden = leiden(random);
        List<Found> kept = new ArrayList<>();
        for (int i = 0; i < starts; i++) {
            kept.add(improved(alone(network), PASSES, leiden));
        }
        if (starts == 1) {
            // Less effort, on purpose: a measured graph is set beside shuffled ones by the same.
            return kept.get(0);
        }
        kept.sort(Comparator.comparingDouble(found -> -found.modularity()));
        double before = Double.NEGATIVE_INFINITY;
        while (kept.get(0).modularity() > before) {
            before = kept.get(0).modularity();
            List<Found> next = fromCores(kept, starts, leiden);
            kept = Stream.concat(kept.stream(), next.stream())
                    .sorted(Comparator.comparingDouble(found -> -found.modularity()))
                    .limit(starts)
                    .toList();
        }
        return kept.get(0);
    }

    /** The best of some partitions and of those that they lead to. */
    Found best(List<Found> some, SplittableRandom random) {
        return Stream.concat(some.stream(), fromCores(some, FINAL_STARTS, leiden(random)).stream())
                .max(Comparator.comparingDouble(Found::modularity))
                .orElseThrow();
    }

    private Leiden leiden(SplittableRandom random) {
        return new Leiden(resolution / strength, random.split(), interrupt);
    }

    /** Each node in a community of its own. */
    private static int[] alone(Network network) {
        return IntStream.range(0, network.size()).toArray();
    }

    /** Partitions in which those nodes begin together that are together in all of some partitions. */
    private List<Found> fromCores(List<Found> some, int starts, Leiden leiden) {
        int[] cores =
                Counterparts.together(some.stream().map(Found::communities).toList());
        Network ofCores = network.reduced(cores, Arrays.stream(cores).max().orElse(-1) + 1);
        List<Found> found = new ArrayList<>();
        for (int i = 0; i < starts; i++) {
            int[] coarse = alone(ofCores);
            improve(ofCores, coarse, PASSES_OF_CORES, leiden);
            int[] begin = new int[cores.length];
            for (int node = 0; node < begin.length; node++) {
                begin[node] = coarse[cores[node]];
            }
            found.add(improved(begin, LAST_PASSES, leiden));
        }
        return found;
    }

    private Found improved(int[] communities, int most, Leiden leiden) {
        improve(network, communities, most, leiden);
        return new Found(communities, Math.rint(modularity(communities) / EQUAL) * EQUAL);
    }

    private static void improve(Network network, int[] communities, int most, Leiden leiden) {
        int passes = 0;
        while (leiden.improve(network, communities) && passes < most) {
            passes++;
        }
    }

    private double modularity(int[] communities) {
        double[] ofCommunities = new double[network.size()];
        double inside = 0;
        for (int node = 0; node < communities.length; node++) {
            int community = communities[node];
            ofCommunities[community] += network.strengths[node] / strength;
            for (int link = network.firsts[node]; link < network.firsts[node + 1]; link++) {
                inside += communities[network.others[link]] == community ? network.weights[link] : 0;
            }
        }
        double expected = 0;
        for (double share : ofCommunities) {
            expected += share * share;
        }
        return inside / strength - resolution * expected;
    }
}
