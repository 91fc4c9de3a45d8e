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
        this.least = Math.max(Float.MIN_VALUE, onGrid(least));
        this.absolute = absolute;
    }

    /** Some columns of a row, and the weights of the links there. */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    private record Row(int[] columns, float[] weights) {}

    /** Takes the pairs of a tile, each once. */
    public void take(NearTile tile) {
        // Each node's links are gathered by one thread at a time: those of rows, then those of columns.
        float[] ofColumns = new float[tile.right() - tile.left()];
        for (int j = tile.left(); j < tile.right(); j++) {
            ofColumns[j - tile.left()] = weakest(j);
        }
        List<Row> rows = IntStream.range(tile.top(), tile.bottom())
                .parallel()
                .mapToObj(i -> row(tile, i, ofColumns))
                .toList();
        for (int i = tile.top(); i < tile.bottom(); i++) {
            Row row = rows.get(i - tile.top());
            for (int k = 0; k < row.columns.length; k++) {
                strongest.get(row.columns[k]).offer(i, row.weights[k]);
            }
        }
    }

    /** The least weight that a node would keep now. */
    private float weakest(int node) {
        return Math.max(least, strongest.get(node).least());
    }

    /** Offers a row's links to its node, and finds what its columns' nodes might keep. */
    private Row row(NearTile tile, int i, float[] ofColumns) {
        double off = tile.off() + 1 / GRID;
        int row = (i - tile.top()) * ofColumns.length;
        double own = weakest(i) - off;
        int[] columns = new int[FIRST_CAPACITY];
        float[] weights = new float[FIRST_CAPACITY];
        int count = 0;
        for (int j = tile.firstBehind(i); j < tile.right(); j++) {
            double near = size(tile.near()[row + j - tile.left()]);
            if (near < own && near < ofColumns[j - tile.left()] - off) {
                continue;
            }
            float weight = onGrid(size(within(tile.exact().of(i, j))));
            if (weight >= least) {
                strongest.get(i).offer(j, weight);
                own = weakest(i) - off;
                if (count == columns.length) {
                    columns = Arrays.copyOf(columns, 2 * count);
                    weights = Arrays.copyOf(weights, 2 * count);
                }
                columns[count] = j;
                weights[count++] = weight;
            }
        }
        return new Row(Arrays.copyOf(columns, count), Arrays.copyOf(weights, count));
    }

    private double size(double value) {
        return absolute ? Math.abs(value) : value;
    }

    /** Rounding may have left [−1, 1] by a little. */
    private static double within(double value) {
        return Math.max(-1, Math.min(1, value));
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
