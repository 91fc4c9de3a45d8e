package io.modscan.metrics.internal.graph;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * For each community of a partition that one of another which is most like it, by the Jaccard index: of the nodes of either,
 * the share that are in both. Of equals the one of the lower number. A node by itself is like no community of several.
 */
public final class Counterparts {

    private static final int NONE = -1;

    private final int[] communities;
    private final int[] others;
    private final double[] jaccard;
    private final int[] counterpart;

    /**
     * Compares two partitions of the same nodes.
     *
     * @param communities each node's community, from 0
     * @param others      the same of the other partition
     */
    public Counterparts(int[] communities, int[] others) {
        this.communities = communities;
        this.others = others;
        int[] sizes = sizes(communities);
        int[] sizesOfOthers = sizes(others);
        this.jaccard = new double[sizes.length];
        this.counterpart = new int[sizes.length];
        Arrays.fill(counterpart, NONE);
        Map<Long, Integer> both = new HashMap<>();
        for (int node = 0; node < communities.length; node++) {
            both.merge(pair(communities[node], others[node]), 1, Integer::sum);
        }
        both.forEach((pair, count) -> {
            int community = (int) (pair >> Integer.SIZE);
            int other = (int) (long) pair;
            double index = count / (double) (sizes[community] + sizesOfOthers[other] - count);
            // What leaves the nodes of a pair alone has not found the pair, though each of them is half of it.
            if (count == 1 && sizes[community] > 1) {
                return;
            }
            if (index > jaccard[community] || (index == jaccard[community] && other < counterpart[community])) {
                jaccard[community] = index;
                counterpart[community] = other;
            }
        });
    }

    private static int[] sizes(int[] communities) {
        int[] sizes = new int[Arrays.stream(communities).max().orElse(-1) + 1];
        for (int community : communities) {
            sizes[community]++;
        }
        return sizes;
    }

    private static long pair(int one, int other) {
        return ((long) one << Integer.SIZE) | other;
    }

    /** How like its counterpart a community is, in [0, 1]. */
    public double jaccard(int community) {
        return jaccard[community];
    }

    /** The community of the other partition that is most like one of this; negative if there is none. */
    public int counterpart(int community) {
        return counterpart[community];
    }

    /** Which nodes are in the counterpart of their community. */
    public boolean[] stays() {
        boolean[] stays = new boolean[communities.length];
        for (int node = 0; node < stays.length; node++) {
            stays[node] = others[node] == counterpart[communities[node]];
        }
        return stays;
    }

    /** The nodes that are together in all of some partitions, as a partition, numbered in order of first nodes. */
    static int[] together(List<int[]> partitions) {
        int[] together = new int[partitions.get(0).length];
        for (int[] partition : partitions) {
            Map<Long, Integer> numbers = new HashMap<>();
            for (int node = 0; node < together.length; node++) {
                long pair = pair(together[node], partition[node]);
                together[node] = numbers.computeIfAbsent(pair, p -> numbers.size());
            }
        }
        return together;
    }
}
