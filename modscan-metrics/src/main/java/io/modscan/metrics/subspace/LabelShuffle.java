package io.modscan.metrics.subspace;

import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.linear.Products;
import io.modscan.metrics.internal.linear.Svd;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Overlaps of groups' leading directions, with the groups as they are and with their members shuffled. Shuffles move members between groups
 * and change none, so all of them need the members' products only, which are computed once.
 */
final class LabelShuffle {

    /** Two ways of computing one overlap differ by less, and it would be an accident if different overlaps did. */
    private static final double SAME = 1e-9;

    /** Of more, products would take more than 128 MB, and each shuffle is decomposed for itself. */
    private static final int MOST_DIRECTIONS = 4096;

    /** Orders kept at a time. */
    private static final int AT_ONCE = 256;

    private final int k;
    /** Unit vectors, group by group. */
    private final double[][] directions;
    /** Their products with each other; none of too many. */
    private final double[] products;

    private final int[] sizes;

    /**
     * Takes groups.
     *
     * @param groups of {@link #differences}; not all empty
     */
    LabelShuffle(List<double[][]> groups, int k) {
        this(
                k,
                groups.stream().flatMap(Arrays::stream).toArray(double[][]::new),
                groups.stream().mapToInt(group -> group.length).toArray());
    }

    private LabelShuffle(int k, double[][] directions, int[] sizes) {
        this(k, directions, sizes, products(directions));
    }

    private LabelShuffle(int k, double[][] directions, int[] sizes, double[] products) {
        this.k = k;
        this.directions = directions;
        this.sizes = sizes;
        this.products = products;
    }

    private static double[] products(double[][] directions) {
        int n = directions.length;
        if (n == 0 || n > MOST_DIRECTIONS) {
            return new double[0];
        }
        int d = directions[0].length;
        double[] flat = new double[n * d];
        for (int i = 0; i < n; i++) {
            System.arraycopy(directions[i], 0, flat, i * d, d);
        }
        return Products.timesTransposed(flat, n, flat, n, d);
    }

    /** The same of two groups alone. */
    LabelShuffle of(int a, int b) {
        int[] firsts = new int[sizes.length + 1];
        for (int group = 0; group < sizes.length; group++) {
            firsts[group + 1] = firsts[group] + sizes[group];
        }
        int[] members = IntStream.concat(
                        IntStream.range(firsts[a], firsts[a + 1]), IntStream.range(firsts[b], firsts[b + 1]))
                .toArray();
        double[][] some = Arrays.stream(members).mapToObj(i -> directions[i]).toArray(double[][]::new);
        int[] both = {sizes[a], sizes[b]};
        return products.length == 0
                ? new LabelShuffle(k, some, both)
                : new LabelShuffle(k, some, both, products(members, members));
    }

    private double[] products(int[] rows, int[] columns) {
        double[] some = new double[rows.length * columns.length];
        for (int i = 0; i < rows.length; i++) {
            int row = rows[i] * directions.length;
            for (int j = 0; j < columns.length; j++) {
                some[i * columns.length + j] = products[row + columns[j]];
            }
        }
        return some;
    }

    /**
     * The directions from one vector to another, of as many pairs as there are. A difference knows nothing of where the group's
     * centre is, and, with the length 1, nothing of how widely it spreads; and no two of them have a vector in common. So those of
     * groups that vary alike are drawn independently from one distribution.
     *
     * @param group  vectors
     * @param random says who is paired with whom; an odd one is left over
     * @return unit vectors, at most half as many; pairs of equal vectors have none
     */
    static double[][] differences(double[][] group, SplittableRandom random) {
        double[][] rows = group.clone();
        FisherYates.shuffle(rows.length, random, (i, j) -> {
            double[] row = rows[i];
            rows[i] = rows[j];
            rows[j] = row;
        });
        double rounding = Subspace.DOUBLE_ROUNDING * Vectors.longest(group);
        List<double[]> directions = new ArrayList<>();
        for (int i = 0; i + 1 < rows.length; i += 2) {
            double[] direction = new double[rows[i].length];
            for (int j = 0; j < direction.length; j++) {
                direction[j] = rows[i][j] - rows[i + 1][j];
            }
            double length = Math.sqrt(Dot.of(direction, direction));
            if (length > rounding) {
                Arrays.setAll(direction, j -> direction[j] / length);
                directions.add(direction);
            }
        }
        return directions.toArray(double[][]::new);
    }

    /** Against so many shuffles, by all processors: the same ones, whatever their number. */
    AgainstShuffles overlaps(int shuffles, SplittableRandom random) {
        Interrupt interrupt = Interrupt.ofThisThread();
        int[] order = IntStream.range(0, directions.length).toArray();
        double observed = meanOverlap(order);
        double[] shuffled = new double[shuffles];
        for (int from = 0; from < shuffles; from += AT_ONCE) {
            int[][] orders = new int[Math.min(AT_ONCE, shuffles - from)][];
            for (int i = 0; i < orders.length; i++) {
                FisherYates.shuffle(order.length, random, (one, other) -> {
                    int moved = order[one];
                    order[one] = order[other];
                    order[other] = moved;
                });
                orders[i] = order.clone();
            }
            int first = from;
            IntStream.range(0, orders.length).parallel().forEach(i -> {
                interrupt.check();
                shuffled[first + i] = meanOverlap(orders[i]);
            });
        }
        // A shuffle without an overlap is counted against the claim.
        return AgainstShuffles.of(observed, shuffled, value -> !(value > observed + SAME));
    }

    /** The mean over the pairs of groups that have an overlap. */
    private double meanOverlap(int[] order) {
        if (products.length == 0) {
            return byDecomposition(order);
        }
        List<int[]> members = new ArrayList<>();
        List<double[][]> leading = new ArrayList<>();
        int from = 0;
        for (int size : sizes) {
            if (size > 0) {
                int[] group = Arrays.copyOfRange(order, from, from + size);
                Optional<double[][]> combinations = LeadingByGram.combinations(products(group, group), group.length, k);
                if (combinations.isEmpty()) {
                    return byDecomposition(order);
                }
                members.add(group);
                leading.add(combinations.get());
            }
            from += size;
        }
        double sum = 0;
        int pairs = 0;
        for (int a = 0; a < members.size(); a++) {
            for (int b = a + 1; b < members.size(); b++) {
                sum += overlap(products(members.get(a), members.get(b)), leading.get(a), leading.get(b));
                pairs++;
            }
        }
        return sum / pairs;
    }

    /** ‖A·Bᵀ‖² / min(k, k') for bases that are combinations of rows whose products are given. */
    private static double overlap(double[] products, double[][] a, double[][] b) {
        int columns = b[0].length;
        double[] combined = new double[columns];
        double sum = 0;
        for (double[] ofA : a) {
            Arrays.fill(combined, 0);
            for (int i = 0; i < ofA.length; i++) {
                double factor = ofA[i];
                int row = i * columns;
                for (int j = 0; j < columns; j++) {
                    combined[j] += factor * products[row + j];
                }
            }
            for (double[] ofB : b) {
                double cosine = Dot.of(combined, ofB);
                sum += cosine * cosine;
            }
        }
        return Math.min(1, sum / Math.min(a.length, b.length));
    }

    /** The same of directions of which some hardly add to the span of others. */
    private double byDecomposition(int[] order) {
        List<Subspace> subspaces = new ArrayList<>();
        int from = 0;
        for (int size : sizes) {
            if (size > 0) {
                double[][] group = IntStream.range(from, from + size)
                        .mapToObj(i -> directions[order[i]])
                        .toArray(double[][]::new);
                subspaces.add(new Subspace(Svd.leading(group, k, 0, Subspace.FLOAT_ROUNDING), group[0].length));
            }
            from += size;
        }
        double sum = 0;
        int pairs = 0;
        for (int a = 0; a < subspaces.size(); a++) {
            for (int b = a + 1; b < subspaces.size(); b++) {
                sum += subspaces.get(a).overlap(subspaces.get(b));
                pairs++;
            }
        }
        return sum / pairs;
    }
}
