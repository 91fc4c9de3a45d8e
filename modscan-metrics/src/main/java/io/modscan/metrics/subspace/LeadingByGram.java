package io.modscan.metrics.subspace;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.linear.Products;
import io.modscan.metrics.internal.linear.Scratch;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.util.Arrays;
import java.util.Optional;

/**
 * Leading right singular vectors by eigenvectors: of few rows with many coordinates, of the rows' products, a matrix as wide as there are
 * rows; of others, of the products of columns. Squares lose half of the digits, so there is no answer where a wanted
 * singular value is small beside the largest; an SVD gives it then.
 */
final class LeadingByGram {

    /** The least eigenvalue beside the largest one: vectors are right to some 10⁻¹² where the next value is not as near. */
    /** The products of more columns take much memory. */
    private static final int WIDEST = 2048;

    private static final double LEAST_SHARE = 1e-4;

    /** The number of multiplications from which on products of columns are faster than an SVD. */
    private static final long LARGE = 1 << 20;

    /** Values of the rows that are multiplied at once, 16 MiB, unless it is a single row. */
    private static final int BLOCK_VALUES = 1 << 21;

    private LeadingByGram() {}

    /**
     * The combinations of rows that give the leading directions: of the eigenvectors u of the rows' products, with eigenvalues λ, u / √λ.
     *
     * @param gram the products, n × n, used up
     * @param most how many are wanted, if there are as many rows
     * @return min(most, n) combinations, in descending order of λ; nothing if one of them would not be exact
     */
    static Optional<double[][]> combinations(double[] gram, int n, int most) {
        int k = Math.min(most, n);
        double[] values = new double[k];
        double[] vectors = new double[k * n];
        LinearAlgebra.installed().symmetricEigen(gram, n, values, vectors);
        Interrupt.checkThisThread();
        // Also if all are 0.
        if (!(values[k - 1] > LEAST_SHARE * values[0])) {
            return Optional.empty();
        }
        double[][] combinations = new double[k][n];
        for (int i = 0; i < k; i++) {
            double root = Math.sqrt(values[i]);
            for (int j = 0; j < n; j++) {
                combinations[i][j] = vectors[i * n + j] / root;
            }
        }
        return Optional.of(combinations);
    }

    /**
     * Leading directions.
     *
     * @param rows  at least one
     * @param most  how many at most
     * @param least singular values up to this one count as zero
     * @return orthonormal directions, in descending order of singular values, as {@link
     *     io.modscan.metrics.internal.linear.Svd#leading} gives them; nothing if that has to be asked
     */
    static Optional<double[][]> directions(double[][] rows, int most, double least) {
        int n = rows.length;
        int d = rows[0].length;
        double largest = 0;
        for (double[] row : rows) {
            for (double value : row) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        if (largest == 0) {
            return Optional.empty();
        }
        if (2 * n > d) {
            return d > WIDEST || (long) n * d * d < LARGE ? Optional.empty() : byColumns(rows, most, least, largest);
        }
        double[] flat = new double[n * d];
        for (int i = 0; i < n; i++) {
            // So that no square overflows.
            for (int j = 0; j < d; j++) {
                flat[i * d + j] = rows[i][j] / largest;
            }
        }
        double scale = largest;
        return combinations(Products.timesTransposed(flat, n, flat, n, d), n, most)
                .filter(found -> Arrays.stream(found)
                        .allMatch(combination -> scale / Math.sqrt(Dot.of(combination, combination)) > least))
                .map(found -> orthonormal(found, flat, d));
    }

    /** The eigenvectors of the columns' products are the directions. */
    private static Optional<double[][]> byColumns(double[][] rows, int most, double least, double scale) {
        int d = rows[0].length;
        double[] products = columnProducts(rows, scale);
        int k = Math.min(most, Math.min(rows.length, d));
        double[] values = new double[k];
        double[] vectors = new double[k * d];
        LinearAlgebra.installed().symmetricEigen(products, d, values, vectors);
        if (!(values[k - 1] > LEAST_SHARE * values[0]) || scale * Math.sqrt(values[k - 1]) <= least) {
            return Optional.empty();
        }
        double[][] directions = new double[k][];
        for (int i = 0; i < k; i++) {
            directions[i] = Arrays.copyOfRange(vectors, i * d, (i + 1) * d);
            double sign = Math.copySign(1, extreme(directions[i]));
            for (int j = 0; j < d; j++) {
                directions[i][j] *= sign;
            }
        }
        return Optional.of(directions);
    }

    /** The products of the columns, divided by the square of a scale so that none overflows. */
    private static double[] columnProducts(double[][] rows, double scale) {
        int d = rows[0].length;
        int block = Math.max(1, Math.min(rows.length, BLOCK_VALUES / d));
        double[] products = new double[Math.multiplyExact(d, d)];
        try (Scratch ofRows = Scratch.doubles(block * d);
                Scratch ofProducts = Scratch.doubles(products.length)) {
            DoubleBuffer sums = ofProducts.doubleBuffer(products.length).put(0, products);
            double[] scaled = new double[d];
            for (int from = 0; from < rows.length; from += block) {
                int count = Math.min(block, rows.length - from);
                DoubleBuffer some = ofRows.doubleBuffer(count * d);
                for (int i = 0; i < count; i++) {
                    for (int j = 0; j < d; j++) {
                        scaled[j] = rows[from + i][j] / scale;
                    }
                    some.put(i * d, scaled);
                }
                LinearAlgebra.installed().addColumnProducts(some, d, sums);
            }
            sums.get(0, products);
        }
        for (int i = 0; i < d; i++) {
            for (int j = 0; j < i; j++) {
                products[j * d + i] = products[i * d + j];
            }
        }
        return products;
    }

    /** Combines the rows; what rounding leaves of one direction in the next ones is taken away. */
    private static double[][] orthonormal(double[][] combinations, double[] rows, int d) {
        double[][] directions = new double[combinations.length][d];
        for (int i = 0; i < directions.length; i++) {
            Interrupt.checkThisThread();
            double[] direction = directions[i];
            for (int row = 0; row < combinations[i].length; row++) {
                double factor = combinations[i][row];
                for (int j = 0; j < d; j++) {
                    direction[j] += factor * rows[row * d + j];
                }
            }
            for (int before = 0; before < i; before++) {
                add(direction, directions[before], -Dot.of(direction, directions[before]));
            }
            double length = Math.copySign(Math.sqrt(Dot.of(direction, direction)), extreme(direction));
            for (int j = 0; j < d; j++) {
                direction[j] /= length;
            }
        }
        return directions;
    }

    /** The value of the largest magnitude. */
    private static double extreme(double[] direction) {
        double extreme = 0;
        for (double value : direction) {
            extreme = Math.abs(value) > Math.abs(extreme) ? value : extreme;
        }
        return extreme;
    }

    private static void add(double[] to, double[] other, double factor) {
        for (int j = 0; j < to.length; j++) {
            to[j] += factor * other[j];
        }
    }
}
