package io.modscan.metrics.internal.graph;

import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Gathers links from tiles of weights, of which each node keeps its strongest. Weights may be a little off: they tell what may be
 * a link, and those few pairs are weighed exactly in the end.
 */
public final class StrongestLinks {

    private static final double GRID = 1 << 24;

    private static final int FIRST_CAPACITY = 16;

    private final int neighbours;
    private final float least;
    private final boolean absolute;
    private final @Nullable Exact exact;
    private final List<Candidates> candidates;

    /** Weighs pairs exactly. */
    @FunctionalInterface
    public interface Exact {
        /** The weights of a node's pairs by the other node, for one thread; others have their own. */
        IntToDoubleFunction ofNode(int node);
    }

    /**
     * Begins without a link. The weights that will come are exact.
     *
     * @param nodes      how many there are
     * @param neighbours how many links a node keeps; a pair is linked if either of them keeps the link
     * @param least      the weight that makes a link
     * @param absolute   whether a value's size is the weight of a link, or else the value, as far as it is positive
     */
    public StrongestLinks(int nodes, int neighbours, double least, boolean absolute) {
        this(nodes, neighbours, least, absolute, 0, null);
    }

    /**
     * The same with weights that are near the exact ones.
     *
     * @param off   how far at most
     * @param exact gives the exact ones; safe for use by many threads
     */
    public StrongestLinks(
            int nodes, int neighbours, double least, boolean absolute, double off, @Nullable Exact exact) {
        this.neighbours = neighbours;
        this.least = Math.max(Float.MIN_VALUE, onGrid(least));
        this.absolute = absolute;
        this.exact = exact;
        // In single precision, and weights are rounded, too.
        float within = (float) (exact == null ? 1 / GRID : off + 2 / GRID);
        this.candidates = Stream.generate(() -> new Candidates(neighbours, this.least, within))
                .limit(nodes)
                .toList();
    }

    /** Some columns of a row, and their weights there. */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    private record Row(int[] columns, float[] weights) {}

    /** Takes the pairs of a tile, each once. */
    public void take(NearTile tile) {
        // Each node's candidates are gathered by one thread at a time: those of rows, then those of columns.
        float[] ofColumns = new float[tile.right() - tile.left()];
        float lowest = Float.POSITIVE_INFINITY;
        for (int j = tile.left(); j < tile.right(); j++) {
            ofColumns[j - tile.left()] = candidates.get(j).floor();
            lowest = Math.min(lowest, candidates.get(j).floor());
        }
        float ofAll = lowest;
        List<Row> rows = IntStream.range(tile.top(), tile.bottom())
                .parallel()
                .mapToObj(i -> row(tile, i, ofColumns, ofAll))
                .toList();
        for (int i = tile.top(); i < tile.bottom(); i++) {
            Row row = rows.get(i - tile.top());
            for (int k = 0; k < row.columns.length; k++) {
                offer(row.columns[k], i, row.weights[k]);
            }
        }
    }

    private void offer(int node, int other, float weight) {
        Candidates ofNode = candidates.get(node);
        if (weight >= ofNode.floor()) {
            add(node, other, weight);
        }
    }

    private void add(int node, int other, float weight) {
        Candidates ofNode = candidates.get(node);
        ofNode.add(other, weight);
        if (ofNode.areMany()) {
            IntToDoubleFunction own = exact == null ? null : exact.ofNode(node);
            ofNode.settle((to, near) -> own == null ? near : onGrid(size(weighed(own, node, to))));
        }
    }

    /** As in the end: from the first of both nodes. */
    private double weighed(IntToDoubleFunction own, int node, int other) {
        return other > node || exact == null
                ? own.applyAsDouble(other)
                : exact.ofNode(other).applyAsDouble(node);
    }

    private double size(double weight) {
        return absolute ? Math.abs(weight) : weight;
    }

    /**
     * Offers a row's pairs to its node, and finds what its columns' nodes might keep.
     *
     * @param lowest of the columns' floors: most weights are below it, too
     */
    private Row row(NearTile tile, int i, float[] ofColumns, float lowest) {
        float[] near = tile.near();
        int row = (i - tile.top()) * ofColumns.length - tile.left();
        Candidates own = candidates.get(i);
        int[] columns = new int[FIRST_CAPACITY];
        float[] weights = new float[FIRST_CAPACITY];
        int count = 0;
        float floor = Math.min(own.floor(), lowest);
        for (int j = tile.firstBehind(i); j < tile.right(); j++) {
            float weight = absolute ? Math.abs(near[row + j]) : near[row + j];
            if (weight < floor) {
                continue;
            }
            if (exact == null) {
                weight = onGrid(weight);
            }
            if (weight >= own.floor()) {
                add(i, j, weight);
                floor = Math.min(own.floor(), lowest);
            }
            if (weight >= ofColumns[j - tile.left()]) {
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

    /** The nearest multiple, which a float holds exactly; rounding may have left [−1, 1] by a little before. */
    private static float onGrid(double weight) {
        return (float) (Math.rint(Math.max(-1, Math.min(1, weight)) * GRID) / GRID);
    }

    /** What has been kept. */
    public Links links() {
        long[][] pairs = pairs();
        Interrupt interrupt = Interrupt.ofThisThread();
        IntStream.range(0, pairs.length).parallel().forEach(i -> {
            interrupt.check();
            pairs[i] = weighed(i, pairs[i]);
        });
        List<Strongest> strongest = Stream.generate(() -> new Strongest(neighbours))
                .limit(pairs.length)
                .toList();
        for (int i = 0; i < pairs.length; i++) {
            Interrupt.checkThisThread();
            for (long pair : pairs[i]) {
                float weight = PackedLink.weight(pair);
                if (weight >= least) {
                    strongest.get(i).offer(PackedLink.other(pair), weight);
                    strongest.get(PackedLink.other(pair)).offer(i, weight);
                }
            }
        }
        return Links.ofEither(strongest.stream()
                .map(Strongest::inOrder)
                .peek(links -> Interrupt.checkThisThread())
                .toArray(long[][]::new));
    }

    /** Of each node, packed, its candidates behind it, and those that it is one of; some come twice. */
    private long[][] pairs() {
        int[] sizes = new int[candidates.size()];
        for (int i = 0; i < sizes.length; i++) {
            Candidates own = candidates.get(i);
            own.drop();
            for (int k = 0; k < own.size(); k++) {
                sizes[Math.min(i, own.other(k))]++;
            }
        }
        long[][] pairs = Arrays.stream(sizes).mapToObj(long[]::new).toArray(long[][]::new);
        for (int i = 0; i < sizes.length; i++) {
            Interrupt.checkThisThread();
            Candidates own = candidates.get(i);
            for (int k = 0; k < own.size(); k++) {
                int first = Math.min(i, own.other(k));
                pairs[first][--sizes[first]] = PackedLink.of(Math.max(i, own.other(k)), own.weight(k));
            }
        }
        return pairs;
    }

    /** A node's pairs, each once, with their weights on the grid. */
    private long[] weighed(int node, long[] pairs) {
        Arrays.sort(pairs);
        IntToDoubleFunction weights = exact == null ? null : exact.ofNode(node);
        int count = 0;
        int last = -1;
        for (long pair : pairs) {
            int other = PackedLink.other(pair);
            if (other != last) {
                double weight = weights == null ? PackedLink.weight(pair) : weights.applyAsDouble(other);
                pairs[count++] = PackedLink.of(other, onGrid(size(weight)));
                last = other;
            }
        }
        return Arrays.copyOf(pairs, count);
    }
}
