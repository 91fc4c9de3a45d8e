package io.modscan.metrics.internal.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Where each node belongs: into a module, on the border, or nowhere.
 *
 * @param modules the nodes of each module, in falling size, among equals in order of their first nodes
 * @param border  the nodes that are linked, and in no module for certain
 * @param alone   the nodes without a link
 * @param nearest of each node that module whose community it is in; negative if there is none
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record Places(List<List<Integer>> modules, List<Integer> border, List<Integer> alone, int[] nearest) {

    /**
     * Of modules that each are a part of another community.
     *
     * @param sure the nodes of each module
     */
    public static Places of(List<List<Integer>> sure, Partition partition, Links links) {
        List<List<Integer>> modules = new ArrayList<>(sure);
        modules.sort((one, other) -> other.size() - one.size());
        int[] communities = partition.communities();
        int[] nearest = new int[communities.length];
        Arrays.fill(nearest, -1);
        boolean[] member = new boolean[communities.length];
        for (int module = 0; module < modules.size(); module++) {
            int community = communities[modules.get(module).get(0)];
            int number = module;
            Arrays.setAll(nearest, node -> communities[node] == community ? number : nearest[node]);
            modules.get(module).forEach(node -> member[node] = true);
        }
        List<Integer> border = new ArrayList<>();
        List<Integer> alone = new ArrayList<>();
        for (int node = 0; node < communities.length; node++) {
            if (!member[node]) {
                (links.of(node).length == 0 ? alone : border).add(node);
            }
        }
        return new Places(modules, border, alone, nearest);
    }

    /** As a partition of all nodes, those that are in no module being alone. */
    public int[] partition() {
        return partition(modules, nearest.length);
    }

    /** Groups as a partition of all nodes, those that are in none being alone. */
    public static int[] partition(List<List<Integer>> groups, int nodes) {
        int[] partition =
                IntStream.range(0, nodes).map(node -> groups.size() + node).toArray();
        for (int group = 0; group < groups.size(); group++) {
            for (int node : groups.get(group)) {
                partition[node] = group;
            }
        }
        return partition;
    }

    /** The module in whose community a node is. */
    public OptionalInt nearestTo(int node) {
        return nearest[node] < 0 ? OptionalInt.empty() : OptionalInt.of(nearest[node]);
    }
}
