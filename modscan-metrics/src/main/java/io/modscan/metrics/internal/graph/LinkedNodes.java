package io.modscan.metrics.internal.graph;

import java.util.stream.IntStream;
import nl.cwts.networkanalysis.Network;
import nl.cwts.util.LargeDoubleArray;
import nl.cwts.util.LargeIntArray;

/** The nodes of a graph that have a link, numbered anew, which are all that a search for communities has to see. */
final class LinkedNodes {

    private final int[] nodes;
    private final Links links;

    LinkedNodes(Links links) {
        this.nodes = IntStream.range(0, links.nodes())
                .filter(node -> links.of(node).length > 0)
                .toArray();
        this.links = links.among(nodes);
    }

    int size() {
        return nodes.length;
    }

    /** The number that a node has in the whole graph. */
    int node(int linked) {
        return nodes[linked];
    }

    /** With the strengths of nodes for their weights, so that the algorithm's own measure is the modularity. */
    Network network() {
        return network(links);
    }

    /** The same with nodes in another order. */
    Network network(int[] order) {
        return network(links.among(order));
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
