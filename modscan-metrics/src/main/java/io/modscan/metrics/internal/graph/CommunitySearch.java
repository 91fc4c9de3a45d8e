package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Looks for the partition of a graph that has the largest modularity, and for the nodes whose place in it is certain. Nodes
 * without a link are alone.
 *
 * @param resolution what the expected weight inside of communities is multiplied by
 */
public record CommunitySearch(double resolution) {

    /**
     * The best partition found in one run, {@link CommunityRun} tells how.
     *
     * @param starts    how many partitions it begins with
     * @param interrupt of the thread that asked for it
     */
    public Partition partition(Links links, int starts, long seed, Interrupt interrupt) {
        LinkedNodes linked = new LinkedNodes(links);
        if (linked.size() == 0) {
            return partition(links, linked, new int[0]);
        }
        CommunityRun run = new CommunityRun(linked.network(), resolution, interrupt);
        return partition(
                links, linked, run.best(starts, new SplittableRandom(seed)).communities());
    }

    /**
     * The best partition of several runs and of what they lead to together, and how often each node stays in its community
     * from run to run. Runs differ in nothing but where they begin, and in the order of nodes, since of two equally good communities
     * the algorithm prefers one by its number. So a node that runs disagree on is one for which two communities are as good, up to
     * what no measurement can tell.
     *
     * @param runs   how many, independent of each other, on all processors
     * @param starts how many partitions each begins with
     */
    public Consensus consensus(Links links, int runs, int starts, long seed) {
        LinkedNodes linked = new LinkedNodes(links);
        double[] certainty = new double[links.nodes()];
        if (linked.size() == 0) {
            return new Consensus(partition(links, linked, new int[0]), certainty);
        }
        Interrupt interrupt = Interrupt.ofThisThread();
        SplittableRandom random = new SplittableRandom(seed);
        List<SplittableRandom> seeds =
                IntStream.range(0, runs).mapToObj(i -> random.split()).toList();
        List<CommunityRun.Found> found = seeds.parallelStream()
                .map(own -> inAnyOrder(linked, starts, own, interrupt))
                .toList();
        int[] best = new CommunityRun(linked.network(), resolution, interrupt)
                .best(found, random)
                .communities();
        int[] stays = new int[best.length];
        for (CommunityRun.Found one : found) {
            boolean[] with = new Counterparts(best, one.communities()).stays();
            for (int i = 0; i < with.length; i++) {
                stays[i] += with[i] ? 1 : 0;
            }
        }
        for (int i = 0; i < stays.length; i++) {
            certainty[linked.node(i)] = (double) stays[i] / runs;
        }
        return new Consensus(partition(links, linked, best), certainty);
    }

    private CommunityRun.Found inAnyOrder(
            LinkedNodes linked, int starts, SplittableRandom random, Interrupt interrupt) {
        int[] order = IntStream.range(0, linked.size()).toArray();
        FisherYates.shuffle(order.length, random, (i, j) -> {
            int other = order[j];
            order[j] = order[i];
            order[i] = other;
        });
        CommunityRun.Found found = new CommunityRun(linked.network(order), resolution, interrupt).best(starts, random);
        int[] communities = new int[order.length];
        for (int i = 0; i < order.length; i++) {
            communities[order[i]] = found.communities()[i];
        }
        return new CommunityRun.Found(communities, found.modularity());
    }

    /**
     * A partition, and how certain it is.
     *
     * @param partition the best partition found
     * @param certainty for each node the share of runs in which it is in that community which is most like its own here; 0 for
     *                  nodes without a link
     */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    public record Consensus(Partition partition, double[] certainty) {

        /** The share of runs that a node has to stay in its community in. */
        private static final double CERTAIN = 0.8;

        /** Of each community, in order of their first nodes, the nodes whose place is certain; of some there may be none. */
        public List<List<Integer>> certain() {
            return partition.members().stream()
                    .map(together -> together.stream()
                            .filter(node -> certainty[node] >= CERTAIN)
                            .toList())
                    .toList();
        }
    }

    private Partition partition(Links links, LinkedNodes linked, int[] found) {
        int[] communities = new int[links.nodes()];
        Arrays.fill(communities, -1);
        int count = 0;
        for (int i = 0; i < found.length; i++) {
            communities[linked.node(i)] = found[i];
            count = Math.max(count, found[i] + 1);
        }
        for (int node = 0; node < communities.length; node++) {
            if (communities[node] < 0) {
                communities[node] = count++;
            }
        }
        return new Partition(links, communities, resolution);
    }
}
