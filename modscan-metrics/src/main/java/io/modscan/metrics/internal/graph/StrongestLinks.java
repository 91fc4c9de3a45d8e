package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Gathers links from tiles of weights, of which each node keeps its strongest. */
public final class StrongestLinks {

    private static final double GRID = 1 << 24;

    private static final int FIRST_CAPACITY = 16;

    private final List<Strongest> strongest;
    private final float least;
    private final boolean absolute;

    /**
     * Begins without a link.
     *
     * @param nodes      how many there are
     * @param neighbours how many links a node keeps; a pair is linked if either of them keeps the link
     * @param least      the weight that makes a link
     * @param absolute   whether a value's size is the weight of a link, or else the value, as far as it is positive
     */
    public StrongestLinks(int nodes, int neighbours, double least, boolean absolute) {
        this.strongest =
                Stream.generate(() -> new Strongest(neighbours)).limit(nodes).toList();
        this.least = onGrid(least);
        this.absolute = absolute;
    }

    /** Takes the pairs of a tile, each once. */
    public void take(PairTile tile) {
        // Each node's links are gathered by one thread at a time: those of rows, then those of columns.
        List<int[]> near = IntStream.range(tile.top(), tile.bottom())
                .parallel()
                .mapToObj(i -> {
                    int[] columns = near(tile, i);
                    for (int j : columns) {
                        offer(i, j, tile.get(i, j));
                    }
                    return columns;
                })
                .toList();
        for (int i = tile.top(); i < tile.bottom(); i++) {
            for (int j : near.get(i - tile.top())) {
                offer(j, i, tile.get(i, j));
            }
        }
    }

    /** The columns of a row that may make a link: most are far from it, and need no rounding to tell. */
    private int[] near(PairTile tile, int i) {
        double far = least - 1 / GRID;
        int row = (i - tile.top()) * (tile.right() - tile.left()) - tile.left();
        int[] near = new int[FIRST_CAPACITY];
        int count = 0;
        for (int j = tile.firstBehind(i); j < tile.right(); j++) {
            if (size(tile.values()[row + j]) > far) {
                if (count == near.length) {
                    near = Arrays.copyOf(near, 2 * count);
                }
                near[count++] = j;
            }
        }
        return Arrays.copyOf(near, count);
    }

    private double size(double value) {
        return absolute ? Math.abs(value) : value;
    }

    private void offer(int node, int other, double value) {
        float rounded = onGrid(size(value));
        if (rounded > 0 && rounded >= least) {
            strongest.get(node).offer(other, rounded);
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
