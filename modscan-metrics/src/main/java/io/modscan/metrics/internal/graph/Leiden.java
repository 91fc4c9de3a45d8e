package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Random;
import java.util.stream.IntStream;
import nl.cwts.networkanalysis.Clustering;
import nl.cwts.networkanalysis.LeidenAlgorithm;
import nl.cwts.networkanalysis.Network;
import nl.cwts.util.LargeDoubleArray;
import nl.cwts.util.LargeIntArray;

/**
 * Looks for the partition of the largest modularity by the Leiden algorithm.
 *
 * @param resolution what the expected weight inside of communities is multiplied by
 * @param starts     how often it begins anew; the best partition is taken
 */
public record Leiden(double resolution, int starts) {

    /** Each round ends in a partition no worse than the one before; it has never been seen to take a dozen. */
    private static final int MOST_ROUNDS = 100;

    /** Random numbers, which the library draws all the while, and so the place to end it. */
    public static final class Draws extends Random {

        private static final long serialVersionUID = 1;

        public Draws(long seed) {
            super(seed);
        }

        @Override
        protected int next(int bits) {
            Interrupt.checkThisThread();
            return super.next(bits);
        }
    }

    public Partition partition(Links links, Random random) {
        double[] strengths = links.strengths();
        int[] linked = IntStream.range(0, links.nodes())
                .filter(node -> strengths[node] > 0)
                .toArray();
        Partition best = alone(links);
        if (linked.length == 0) {
            return best;
        }
        Network network = network(links.among(linked));
        for (int start = 0; start < starts; start++) {
            Interrupt.checkThisThread();
            Partition found = whole(links, linked, run(network, random));
            if (start == 0 || found.modularity() > best.modularity()) {
                best = found;
            }
        }
        return best;
    }

    private Partition alone(Links links) {
        return new Partition(links, IntStream.range(0, links.nodes()).toArray(), resolution);
    }

    private int[] run(Network network, Random random) {
        // With strengths for node weights, the algorithm's own measure at this resolution is the modularity.
        LeidenAlgorithm algorithm = new LeidenAlgorithm(
                resolution / network.getTotalNodeWeight(), 1, LeidenAlgorithm.DEFAULT_RANDOMNESS, random);
        Clustering clustering = new Clustering(network.getNNodes());
        int rounds = 0;
        while (algorithm.improveClustering(network, clustering) && rounds < MOST_ROUNDS) {
            rounds++;
        }
        return clustering.getClusters();
    }

    /** Nodes without a link stay alone. */
    private Partition whole(Links links, int[] linked, int[] clusters) {
        int[] communities = new int[links.nodes()];
        int clustered = 0;
        for (int i = 0; i < linked.length; i++) {
            communities[linked[i]] = clusters[i] + 1;
            clustered = Math.max(clustered, clusters[i] + 1);
        }
        for (int node = 0; node < communities.length; node++) {
            communities[node] = communities[node] == 0 ? clustered++ : communities[node] - 1;
        }
        return new Partition(links, communities, resolution);
    }

    private static Network network(Links links) {
        int nodes = links.nodes();
        long[] firsts = new long[nodes + 1];
        for (int node = 0; node < nodes; node++) {
            firsts[node + 1] = firsts[node] + links.of(node).length;
        }
        LargeIntArray others = new LargeIntArray(firsts[nodes]);
        LargeDoubleArray weights = new LargeDoubleArray(firsts[nodes]);
        long at = 0;
        for (int node = 0; node < nodes; node++) {
            for (long link : links.of(node)) {
                others.set(at, PackedLink.other(link));
                weights.set(at++, PackedLink.weight(link));
            }
        }
        return new Network(links.strengths(), firsts, others, weights, false);
    }
}
