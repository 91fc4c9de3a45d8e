package io.modscan.metrics.basis;

import io.modscan.metrics.internal.linear.Decompositions;
import io.modscan.metrics.internal.linear.Svd;
import java.util.Comparator;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * The eigenvalues of a matrix of second moments that are above rounding, from the largest down, with their eigenvectors.
 * EJML decomposes; matrices are scaled before, so that none is too small or too large for it.
 */
final class Spectrum {

    /** The distance of 1 to the next double: what rounding amounts to. */
    private static final double EPSILON = Math.ulp(1.0);

    /** Entries that differ by no more than this, relatively, are equally large for the choice of a sign. */
    private static final double TIE = 1e-6;

    private final int width;
    private final double[] values;
    /** Row by row, a row a vector. */
    private final double[] vectors;

    /**
     * Puts what was found in order.
     *
     * @param found   eigenvalues in any order
     * @param vectors the eigenvector of each, a row each
     */
    private Spectrum(double[] found, double[] vectors, int width, long samples) {
        this.width = width;
        double largest = 0;
        for (double value : found) {
            largest = Math.max(largest, value);
        }
        double rounding = largest * Math.max(samples, width) * EPSILON;
        int[] order = IntStream.range(0, found.length)
                .filter(i -> found[i] > rounding)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -found[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        this.values = new double[order.length];
        this.vectors = new double[order.length * width];
        for (int i = 0; i < order.length; i++) {
            values[i] = found[order[i]];
            System.arraycopy(vectors, order[i] * width, this.vectors, i * width, width);
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
     */
    static Spectrum ofSymmetric(double[] matrix, int width, long samples) {
        double scale = scaleDown(matrix);
        if (scale == 0) {
            return new Spectrum(new double[0], new double[0], width, samples);
        }
        Decompositions.Eigen eigen = Decompositions.symmetric(matrix, width);
        double[] values = eigen.values();
        for (int i = 0; i < width; i++) {
            values[i] *= scale;
        }
        return new Spectrum(values, eigen.vectors(), width, samples);
    }

    /**
     * The spectrum of XᵀX / n, by the singular values of X, without making that matrix.
     *
     * @param rows X, of fewer rows than columns; used up
     */
    static Spectrum ofRows(double[] rows, int width) {
        int count = rows.length / width;
        double scale = scaleDown(rows);
        if (scale == 0) {
            return new Spectrum(new double[0], new double[0], width, count);
        }
        SingularValueDecomposition_F64<DMatrixRMaj> svd =
                Svd.decompose(DMatrixRMaj.wrap(count, width, rows), false, true);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            double singular = svd.getSingularValues()[i] * scale;
            values[i] = singular * singular / count;
        }
        return new Spectrum(values, svd.getV(null, true).data, width, count);
    }

    /** Divides by a power of two, which rounds nothing, so that the largest entry is near 1. */
    private static double scaleDown(double[] entries) {
        double largest = 0;
        for (double entry : entries) {
            largest = Math.max(largest, Math.abs(entry));
        }
        if (largest == 0) {
            return 0;
        }
        int exponent = Math.getExponent(largest);
        for (int i = 0; i < entries.length; i++) {
            entries[i] = Math.scalb(entries[i], -exponent);
        }
        return Math.scalb(1.0, exponent);
    }

    int rank() {
        return values.length;
    }

    double value(int i) {
        return values[i];
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
