package io.modscan.metrics.subspace;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.linear.Products;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.Optional;

/**
 * Leading right singular vectors of few rows with many coordinates, by the eigenvectors of the rows' products: rows are never
 * decomposed, only a matrix as wide as there are rows. Squares lose half of the digits, so there is no answer where a wanted
 * singular value is small beside the largest; an SVD gives it then.
 */
final class LeadingByGram {

    /** The least eigenvalue beside the largest one: vectors are right to some 10⁻¹² where the next value is not as near. */
    private static final double LEAST_SHARE = 1e-4;

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
        // As many rows as coordinates are no easier to decompose squared.
        if (2 * n > d) {
            return Optional.empty();
        }
        double[] flat = new double[n * d];
        double largest = 0;
        for (int i = 0; i < n; i++) {
            System.arraycopy(rows[i], 0, flat, i * d, d);
            for (double value : rows[i]) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        if (largest == 0) {
            return Optional.empty();
        }
        // So that no square overflows.
        for (int i = 0; i < flat.length; i++) {
            flat[i] /= largest;
        }
        double scale = largest;
        return combinations(Products.timesTransposed(flat, n, flat, n, d), n, most)
                .filter(found -> Arrays.stream(found)
                        .allMatch(combination -> scale / Math.sqrt(Dot.of(combination, combination)) > least))
                .map(found -> orthonormal(found, flat, d));
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
            double extreme = 0;
            for (double value : direction) {
                extreme = Math.abs(value) > Math.abs(extreme) ? value : extreme;
            }
            double length = Math.copySign(Math.sqrt(Dot.of(direction, direction)), extreme);
            for (int j = 0; j < d; j++) {
                direction[j] /= length;
            }
        }
        return directions;
    }

    private static void add(double[] to, double[] other, double factor) {
        for (int j = 0; j < to.length; j++) {
            to[j] += factor * other[j];
        }
    }
}
