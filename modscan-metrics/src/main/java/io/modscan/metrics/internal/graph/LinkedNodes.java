package io.modscan.metrics.internal.graph;

import java.util.stream.IntStream;

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

    Network network() {
        return Network.of(links);
    }

    /** The same with nodes in another order. */
    Network network(int[] order) {
        return Network.of(links.among(order));
    }
}
