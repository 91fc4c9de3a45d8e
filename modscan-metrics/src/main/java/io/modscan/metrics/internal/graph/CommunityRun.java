package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import nl.cwts.networkanalysis.Clustering;
import nl.cwts.networkanalysis.LeidenAlgorithm;
import nl.cwts.networkanalysis.Network;

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
    private final double scale;
    private final Interrupt interrupt;

    CommunityRun(Network network, double resolution, Interrupt interrupt) {
        this.network = network;
        this.scale = resolution / network.getTotalNodeWeight();
        this.interrupt = interrupt;
    }

    /** A partition and its modularity, rounded. */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    record Found(int[] communities, double modularity) {}

    /** Random numbers, which the library draws all the while, and so the place to end it. */
    private static final class Draws extends Random {

        private static final long serialVersionUID = 1;

        private final transient Interrupt interrupt;

        Draws(long seed, Interrupt interrupt) {
            super(seed);
            this.interrupt = interrupt;
        }

        @Override
        protected int next(int bits) {
            interrupt.check();
            return super.next(bits);
        }
    }

    /** From so many partitions, each from nodes that are alone, to one. */
    Found best(int starts, SplittableRandom random) {
        Random draws = draws(random);
        List<Found> kept = new ArrayList<>();
        for (int i = 0; i < starts; i++) {
            kept.add(improved(new Clustering(network.getNNodes()), PASSES, draws));
        }
        if (starts == 1) {
            // Less effort, on purpose: a measured graph is set beside shuffled ones by the same.
            return kept.get(0);
        }
        kept.sort(Comparator.comparingDouble(found -> -found.modularity()));
        double before = Double.NEGATIVE_INFINITY;
        while (kept.get(0).modularity() > before) {
            before = kept.get(0).modularity();
            List<Found> next = fromCores(kept, starts, draws);
            kept = Stream.concat(kept.stream(), next.stream())
                    .sorted(Comparator.comparingDouble(found -> -found.modularity()))
                    .limit(starts)
                    .toList();
        }
        return kept.get(0);
    }

    /** The best of some partitions and of those that they lead to. */
    Found best(List<Found> some, SplittableRandom random) {
        return Stream.concat(some.stream(), fromCores(some, FINAL_STARTS, draws(random)).stream())
                .max(Comparator.comparingDouble(Found::modularity))
                .orElseThrow();
    }

    private Random draws(SplittableRandom random) {
        return new Draws(random.nextLong(), interrupt);
    }

    /** Partitions in which those nodes begin together that are together in all of some partitions. */
    private List<Found> fromCores(List<Found> some, int starts, Random draws) {
        int[] cores =
                Counterparts.together(some.stream().map(Found::communities).toList());
        Network ofCores = network.createReducedNetwork(new Clustering(cores));
        List<Found> found = new ArrayList<>();
        for (int i = 0; i < starts; i++) {
            Clustering coarse = new Clustering(ofCores.getNNodes());
            improve(ofCores, coarse, PASSES_OF_CORES, draws);
            int[] begin = new int[cores.length];
            for (int node = 0; node < begin.length; node++) {
                begin[node] = coarse.getCluster(cores[node]);
            }
            found.add(improved(new Clustering(begin), LAST_PASSES, draws));
        }
        return found;
    }

    private Found improved(Clustering clustering, int most, Random draws) {
        LeidenAlgorithm algorithm = improve(network, clustering, most, draws);
        double modularity = Math.rint(algorithm.calcQuality(network, clustering) / EQUAL) * EQUAL;
        return new Found(clustering.getClusters(), modularity);
    }

    private LeidenAlgorithm improve(Network network, Clustering clustering, int most, Random draws) {
        LeidenAlgorithm algorithm = new LeidenAlgorithm(scale, 1, LeidenAlgorithm.DEFAULT_RANDOMNESS, draws);
        int passes = 0;
        while (algorithm.improveClustering(network, clustering) && passes < most) {
            passes++;
        }
        return algorithm;
    }
}
