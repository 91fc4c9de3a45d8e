package io.modscan.metrics.modules;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A graph's nodes in communities, and how good a partition that is. */
final class Partition {

    private final int[] communities;
    private final double weight;
    private final double modularity;

    /**
     * Measures a partition.
     *
     * @param communities each node's community, from 0
     */
    Partition(Links links, int[] communities, double resolution) {
        this.communities = communities;
        double[] strengths = links.strengths();
        double[] ofCommunities = new double[Arrays.stream(communities).max().orElse(0) + 1];
        double inside = 0;
        double ends = 0;
        for (int node = 0; node < communities.length; node++) {
            ends += strengths[node];
            ofCommunities[communities[node]] += strengths[node];
            for (long link : links.of(node)) {
                if (communities[PackedLink.other(link)] == communities[node]) {
                    inside += PackedLink.weight(link);
                }
            }
        }
        double expected = 0;
        for (double strength : ofCommunities) {
            expected += strength / ends * (strength / ends);
        }
        this.weight = ends / 2;
        this.modularity = inside / ends - resolution * expected;
    }

    /** The community of a node. */
    int community(int node) {
        return communities[node];
    }

    /** The modularity, NaN for a graph without links. */
    double modularity() {
        return modularity;
    }

    /** How much of the links' weight lies inside of communities beyond what the nodes' strengths lead to expect. */
    double excess() {
        return weight == 0 ? 0 : weight * modularity;
    }

    /** The nodes of each community, communities in order of their first nodes. */
    List<List<Integer>> members() {
        Map<Integer, List<Integer>> members = new LinkedHashMap<>();
        for (int node = 0; node < communities.length; node++) {
            members.computeIfAbsent(communities[node], c -> new ArrayList<>()).add(node);
        }
        return List.copyOf(members.values());
    }
}
