package io.modscan.metrics.basis;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.Dot;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/** The eigenvalues of a matrix of second moments that are above rounding, from the largest down, with their eigenvectors. */
final class Spectrum {

    /** The distance of 1 to the next double: what rounding amounts to. */
    private static final double EPSILON = Math.ulp(1.0);

    /** Entries that differ by no more than this, relatively, are equally large for the choice of a sign. */
    private static final double TIE = 1e-6;

    private final int width;
    private final double[] values;
    /** Row by row, a row a vector. */
    private final double[] vectors;
    /** The sum of all eigenvalues, those included that were not asked for. */
    private final double total;
    /** Whether all that are more than rounding are here. */
    private final boolean whole;

    /**
     * Keeps what is more than rounding.
     *
     * @param found   eigenvalues in descending order
     * @param vectors the eigenvector of each, a row each
     * @param total   the sum of all eigenvalues
     * @param all     how many there are
     */
    private Spectrum(double[] found, double[] vectors, int width, long samples, double total, int all) {
        this.width = width;
        this.total = total;
        double rounding = found[0] * Math.max(samples, width) * EPSILON;
        int rank = 0;
        while (rank < found.length && found[rank] > Math.max(0, rounding)) {
            rank++;
        }
        this.values = Arrays.copyOf(found, rank);
        this.vectors = rank == found.length ? vectors : Arrays.copyOf(vectors, rank * width);
        this.whole = rank < found.length || rank == all;
        for (int i = 0; i < rank; i++) {
            turn(i * width);
        }
    }

    /** Makes the entry of the largest magnitude positive, the first of them where several are as large. */
    private void turn(int from) {
        double largest = 0;
        for (int at = from; at < from + width; at++) {
            largest = Math.max(largest, Math.abs(vectors[at]));
        }
        int first = from;
        while (Math.abs(vectors[first]) < largest * (1 - TIE)) {
            first++;
        }
        if (vectors[first] < 0) {
            for (int at = from; at < from + width; at++) {
                vectors[at] = -vectors[at];
            }
        }
    }

    /**
     * The spectrum of a matrix of second moments.
     *
     * @param matrix  symmetric, width × width; used up
     * @param samples how many vectors it was made of
     * @param most    how many eigenvalues at most, the largest
     */
    static Spectrum ofSymmetric(double[] matrix, int width, long samples, int most) {
        int count = Math.min(most, width);
        double trace = 0;
        for (int i = 0; i < width; i++) {
            trace += matrix[i * width + i];
        }
        double[] values = new double[count];
        double[] vectors = new double[count * width];
        LinearAlgebra.installed().symmetricEigen(matrix, width, values, vectors);
        return new Spectrum(values, vectors, width, samples, trace, width);
    }

    /**
     * The spectrum of XᵀX / n, by the singular values of X, without making that matrix.
     *
     * @param rows X, of fewer rows than columns, or none; used up
     * @param most how many eigenvalues at most, the largest
     */
    static Spectrum ofRows(double[] rows, int width, int most) {
        int samples = rows.length / width;
        if (samples == 0) {
            return new Spectrum(new double[] {0}, new double[width], width, 0, 0, 0);
        }
        int count = Math.min(most, samples);
        double total = Dot.of(rows, rows) / samples;
        double[] values = new double[count];
        double[] vectors = new double[count * width];
        LinearAlgebra.installed().singular(rows, samples, values, new double[0], vectors);
        for (int i = 0; i < count; i++) {
            values[i] = values[i] * values[i] / samples;
        }
        return new Spectrum(values, vectors, width, samples, total, samples);
    }

    int rank() {
        return values.length;
    }

    double value(int i) {
        return values[i];
    }

    /** Whether there is none but these. */
    boolean isWhole() {
        return whole;
    }

    /** The sum of the eigenvalues from one on, those included that are not here. */
    double rest(int from) {
        double rest = 0;
        if (whole) {
            for (int i = values.length - 1; i >= from; i--) {
                rest += values[i];
            }
            return rest;
        }
        rest = total;
        for (int i = 0; i < from; i++) {
            rest -= values[i];
        }
        return Math.max(0, rest);
    }

    /** The eigenvectors, a row each; not to be changed. */
    double[] vectors() {
        return vectors;
    }

    /** The eigenvectors, each times a function of its eigenvalue. */
    double[] vectorsTimes(DoubleUnaryOperator factor) {
        double[] scaled = vectors.clone();
        for (int at = 0; at < scaled.length; at++) {
            scaled[at] *= factor.applyAsDouble(values[at / width]);
        }
        return scaled;
    }
}
