package io.modscan.metrics.modules;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A graph of weighted links between nodes, each link held from both of its ends; none leads from a node to itself. Weights
 * are multiples of 2⁻²⁴, so that sums of them are exact, whatever their order.
 */
final class Links {

    private static final double GRID = 1 << 24;

    /** Columns that a thread takes at a time: a few cache lines of each row. */
    private static final int STRIPE = 64;

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
        List<Strongest> strongest =
                Arrays.stream(all).mapToObj(i -> new Strongest(neighbours)).toList();
        Offers offers = new Offers(strongest, onGrid(threshold), absolute);
        Correlations.ofPairs(columns, all, tile -> {
            // Each unit's links are gathered by one thread at a time: those of rows, then those of columns.
            IntStream.range(tile.top(), tile.bottom()).parallel().forEach(i -> {
                for (int j = tile.firstBehind(i); j < tile.right(); j++) {
                    offers.offer(i, j, tile.get(i, j));
                }
            });
            int stripes = (tile.right() - tile.left() + STRIPE - 1) / STRIPE;
            IntStream.range(0, stripes).parallel().forEach(stripe -> {
                int from = tile.left() + stripe * STRIPE;
                int to = Math.min(tile.right(), from + STRIPE);
                for (int i = tile.top(); i < tile.bottom(); i++) {
                    for (int j = Math.max(from, tile.firstBehind(i)); j < to; j++) {
                        offers.offer(j, i, tile.get(i, j));
                    }
                }
            });
        });
        return ofEither(strongest.stream()
                .map(Strongest::inOrder)
                .peek(links -> Interrupt.checkThisThread())
                .toArray(long[][]::new));
    }

    /** Offers links to units, if they are strong enough. */
    private record Offers(List<Strongest> strongest, float least, boolean absolute) {

        void offer(int unit, int other, double correlation) {
            double size = absolute ? Math.abs(correlation) : correlation;
            // Most pairs are far from it, and need no rounding to tell.
            if (size > 0 && size > least - 1 / GRID) {
                float weight = onGrid(size);
                if (weight > 0 && weight >= least) {
                    strongest.get(unit).offer(other, weight);
                }
            }
        }
    }

    /** The nearest multiple, which a float holds exactly. */
    private static float onGrid(double weight) {
        return (float) (Math.rint(weight * GRID) / GRID);
    }

    /** Adds the link from the other end where one end only has it. */
    static Links ofEither(long[][] kept) {
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

    /** The graph of some nodes, all of whose links lead to others of them. */
    Links among(int[] nodes) {
        int[] places = new int[links.length];
        for (int i = 0; i < nodes.length; i++) {
            places[nodes[i]] = i;
        }
        long[][] chosen = new long[nodes.length][];
        for (int i = 0; i < nodes.length; i++) {
            Interrupt.checkThisThread();
            chosen[i] = Arrays.stream(links[nodes[i]])
                    .map(link -> PackedLink.of(places[PackedLink.other(link)], PackedLink.weight(link)))
                    .toArray();
        }
        return new Links(chosen);
    }
}
