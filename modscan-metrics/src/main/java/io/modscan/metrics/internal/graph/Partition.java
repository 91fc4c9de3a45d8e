package io.modscan.metrics.internal.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A graph's nodes in communities, and how good a partition that is. */
public final class Partition {

    private final int[] communities;
    private final double weight;
    private final double modularity;

    /**
     * Measures a partition.
     *
     * @param communities each node's community, from 0
     */
    public Partition(Links links, int[] communities, double resolution) {
        this.communities = communities;
        double[] strengths = links.strengths();
        double[] ofCommunities = new double[Arrays.stream(communities).max().orElse(-1) + 1];
        double inside = 0;
        for (int node = 0; node < communities.length; node++) {
            int community = communities[node];
            ofCommunities[community] += strengths[node];
            for (long link : links.of(node)) {
                if (communities[PackedLink.other(link)] == community) {
                    // Each link comes from both of its ends.
                    inside += PackedLink.weight(link) / 2.0;
                }
            }
        }
        this.weight = Arrays.stream(strengths).sum() / 2;
        double expected = 0;
        for (double strength : ofCommunities) {
            expected += strength / (2 * weight) * (strength / (2 * weight));
        }
        this.modularity = inside / weight - resolution * expected;
    }

    /** The community of a node. */
    public int community(int node) {
        return communities[node];
    }

    /** The community of each node; not a copy. */
    public int[] communities() {
        return communities;
    }

    /** The weight of all links. */
    public double weight() {
        return weight;
    }

    /** The modularity, NaN for a graph without links. */
    public double modularity() {
        return modularity;
    }

    /** How much of the weight lies inside of communities beyond what the nodes' strengths lead to expect. */
    public double excess() {
        return weight == 0 ? 0 : weight * modularity;
    }

    /** The nodes of each community, communities in order of their first nodes. */
    public List<List<Integer>> members() {
        Map<Integer, List<Integer>> members = new LinkedHashMap<>();
        for (int node = 0; node < communities.length; node++) {
            members.computeIfAbsent(communities[node], c -> new ArrayList<>()).add(node);
        }
        return List.copyOf(members.values());
    }
}
