package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Gathers links from tiles of weights, of which each node keeps its strongest. */
public final class StrongestLinks {

    private static final double GRID = 1 << 24;

    /** Columns that a thread takes at a time: a few cache lines of each row. */
    private static final int STRIPE = 64;

    private final List<Strongest> strongest;
    private final float least;
    private final DoubleUnaryOperator weight;

    /**
     * Begins without a link.
     *
     * @param nodes      how many there are
     * @param neighbours how many links a node keeps; a pair is linked if either of them keeps the link
     * @param least      the weight that makes a link
     * @param weight     makes a weight of a tile's value; what is not positive links nothing
     */
    public StrongestLinks(int nodes, int neighbours, double least, DoubleUnaryOperator weight) {
        this.strongest =
                Stream.generate(() -> new Strongest(neighbours)).limit(nodes).toList();
        this.least = onGrid(least);
        this.weight = weight;
    }

    /** Takes the pairs of a tile, each once. */
    public void take(PairTile tile) {
        // Each node's links are gathered by one thread at a time: those of rows, then those of columns.
        IntStream.range(tile.top(), tile.bottom()).parallel().forEach(i -> {
            for (int j = tile.firstBehind(i); j < tile.right(); j++) {
                offer(i, j, tile.get(i, j));
            }
        });
        int stripes = (tile.right() - tile.left() + STRIPE - 1) / STRIPE;
        IntStream.range(0, stripes).parallel().forEach(stripe -> {
            int from = tile.left() + stripe * STRIPE;
            int to = Math.min(tile.right(), from + STRIPE);
            for (int i = tile.top(); i < tile.bottom(); i++) {
                for (int j = Math.max(from, tile.firstBehind(i)); j < to; j++) {
                    offer(j, i, tile.get(i, j));
                }
            }
        });
    }

    private void offer(int node, int other, double value) {
        double size = weight.applyAsDouble(value);
        // Most pairs are far from it, and need no rounding to tell.
        if (size > 0 && size > least - 1 / GRID) {
            float rounded = onGrid(size);
            if (rounded > 0 && rounded >= least) {
                strongest.get(node).offer(other, rounded);
            }
        }
    }

    /** The nearest multiple, which a float holds exactly. */
    private static float onGrid(double weight) {
        return (float) (Math.rint(weight * GRID) / GRID);
    }

    /** What has been kept. */
    public Links links() {
        return Links.ofEither(strongest.stream()
                .map(Strongest::inOrder)
                .peek(links -> Interrupt.checkThisThread())
                .toArray(long[][]::new));
    }
}
