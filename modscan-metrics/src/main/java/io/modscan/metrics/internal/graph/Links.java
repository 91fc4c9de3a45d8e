package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;

/**
 * A graph of weighted links between nodes, each link held from both of its ends; none leads from a node to itself. Weights
 * are multiples of 2⁻²⁴, so that sums of them are exact, whatever their order.
 */
public final class Links {

    /** Of each node, {@linkplain PackedLink packed}, in order of the other ends. */
    private final long[][] links;

    private Links(long[][] links) {
        this.links = links;
    }

    /** Adds the link from the other end where one end only has it. */
    public static Links ofEither(long[][] kept) {
        int[] sizes = new int[kept.length];
        for (int i = 0; i < kept.length; i++) {
            Interrupt.checkThisThread();
            sizes[i] += kept[i].length;
            for (long link : kept[i]) {
                if (!PackedLink.leadsTo(kept[PackedLink.other(link)], i)) {
                    sizes[PackedLink.other(link)]++;
                }
            }
        }
        long[][] both = new long[kept.length][];
        for (int i = 0; i < kept.length; i++) {
            both[i] = Arrays.copyOf(kept[i], sizes[i]);
            sizes[i] = kept[i].length;
        }
        for (int i = 0; i < kept.length; i++) {
            Interrupt.checkThisThread();
            for (long link : kept[i]) {
                int other = PackedLink.other(link);
                if (!PackedLink.leadsTo(kept[other], i)) {
                    both[other][sizes[other]++] = PackedLink.of(i, PackedLink.weight(link));
                }
            }
        }
        for (long[] ofNode : both) {
            Interrupt.checkThisThread();
            Arrays.sort(ofNode);
        }
        return new Links(both);
    }

    public int nodes() {
        return links.length;
    }

    /** The links of a node, packed; not a copy. */
    public long[] of(int node) {
        return links[node];
    }

    /** How many pairs of nodes are linked. */
    public long pairs() {
        return Arrays.stream(links).mapToLong(ofNode -> ofNode.length).sum() / 2;
    }

    /** The weight of each node's links together. */
    public double[] strengths() {
        return Arrays.stream(links)
                .mapToDouble(ofNode ->
                        Arrays.stream(ofNode).mapToDouble(PackedLink::weight).sum())
                .toArray();
    }

    /** The graph of some nodes, in whatever order, all of whose links lead to others of them. */
    public Links among(int[] nodes) {
        int[] places = new int[links.length];
        for (int i = 0; i < nodes.length; i++) {
            places[nodes[i]] = i;
        }
        long[][] chosen = new long[nodes.length][];
        for (int i = 0; i < nodes.length; i++) {
            Interrupt.checkThisThread();
            chosen[i] = Arrays.stream(links[nodes[i]])
                    .map(link -> PackedLink.of(places[PackedLink.other(link)], PackedLink.weight(link)))
                    .sorted()
                    .toArray();
        }
        return new Links(chosen);
    }
}
