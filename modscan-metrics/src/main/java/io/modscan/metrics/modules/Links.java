package io.modscan.metrics.modules;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A graph of weighted links between nodes, each link held from both of its ends; none leads from a node to itself. Weights
 * are multiples of 2⁻²⁴, so that sums of them are exact, whatever their order.
 */
final class Links {

    private static final double GRID = 1 << 24;

    /** Of each node, {@linkplain PackedLink packed}, in order of the other ends. */
    private final long[][] links;

    private Links(long[][] links) {
        this.links = links;
    }

    /**
     * The links of units whose correlation is positive and no smaller than a threshold.
     *
     * @param neighbours how many links a unit keeps; a pair is linked if either of them keeps the link
     * @param absolute   whether a correlation's size counts instead
     */
    static Links of(Columns columns, double threshold, int neighbours, boolean absolute) {
        int[] all = IntStream.range(0, columns.units().size()).toArray();
        Strongest[] strongest =
                Arrays.stream(all).mapToObj(i -> new Strongest(neighbours)).toArray(Strongest[]::new);
        float least = onGrid(threshold);
        Correlations.ofPairs(columns, all, (i, j, correlation) -> {
            float weight = onGrid(absolute ? Math.abs(correlation) : correlation);
            if (weight > 0 && weight >= least) {
                strongest[i].offer(j, weight);
                strongest[j].offer(i, weight);
            }
        });
        return ofEither(Arrays.stream(strongest).map(Strongest::inOrder).toArray(long[][]::new));
    }

    /** The nearest multiple, which a float holds exactly. */
    private static float onGrid(double weight) {
        return (float) (Math.rint(weight * GRID) / GRID);
    }

    /** Adds the link from the other end where one end only has it. */
    static Links ofEither(long[][] kept) {
        int[] sizes = new int[kept.length];
        for (int i = 0; i < kept.length; i++) {
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
            for (long link : kept[i]) {
                int other = PackedLink.other(link);
                if (!PackedLink.leadsTo(kept[other], i)) {
                    both[other][sizes[other]++] = PackedLink.of(i, PackedLink.weight(link));
                }
            }
        }
        for (long[] ofNode : both) {
            Arrays.sort(ofNode);
        }
        return new Links(both);
    }

    int nodes() {
        return links.length;
    }

    /** The links of a node, packed; not a copy. */
    long[] of(int node) {
        return links[node];
    }

    /** How many pairs of nodes are linked. */
    long pairs() {
        return Arrays.stream(links).mapToLong(ofNode -> ofNode.length).sum() / 2;
    }

    /** The weight of each node's links together. */
    double[] strengths() {
        return Arrays.stream(links)
                .mapToDouble(ofNode ->
                        Arrays.stream(ofNode).mapToDouble(PackedLink::weight).sum())
                .toArray();
    }

    /** The same without nodes that have no link. */
    Links among(int[] nodes) {
        int[] places = new int[links.length];
        for (int i = 0; i < nodes.length; i++) {
            places[nodes[i]] = i;
        }
        long[][] chosen = new long[nodes.length][];
        for (int i = 0; i < nodes.length; i++) {
            chosen[i] = Arrays.stream(links[nodes[i]])
                    .map(link -> PackedLink.of(places[PackedLink.other(link)], PackedLink.weight(link)))
                    .toArray();
        }
        return new Links(chosen);
    }
}
