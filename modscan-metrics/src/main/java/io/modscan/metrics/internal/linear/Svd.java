package io.modscan.metrics.internal.linear;

import io.modscan.core.model.LinearAlgebra;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;

/** Singular values and vectors of a matrix that is given by its n rows of d finite values, O(n·d·min(n, d)). */
public final class Svd {

    private Svd() {}

    /**
     * The right singular vectors of the largest singular values.
     *
     * @param rows     at least one row
     * @param most     how many at most
     * @param least    singular values up to this one count as zero
     * @param relative and so do those up to this share of the largest
     * @return orthonormal rows, in descending order of singular values; in each, the component of the largest magnitude is
     *     positive
     */
    public static double[][] leading(double[][] rows, int most, double least, double relative) {
        double scale = largest(rows);
        if (scale == 0) {
            return new double[0][];
        }
        int width = rows[0].length;
        int count = Math.min(most, Math.min(rows.length, width));
        double[] values = new double[count];
        double[] right = new double[count * width];
        LinearAlgebra.installed().singular(flat(rows, scale), rows.length, values, new double[0], right);
        double threshold = Math.max(least / scale, relative * values[0]);
        int kept = 0;
        while (kept < count && values[kept] > threshold) {
            kept++;
        }
        double[][] vectors = new double[kept][];
        Arrays.setAll(vectors, i -> directed(Arrays.copyOfRange(right, i * width, (i + 1) * width)));
        return vectors;
    }

    /** The singular values, in descending order: as many as the shorter side is long. */
    public static double[] values(double[][] rows) {
        double[] values = new double[Math.min(rows.length, rows[0].length)];
        double scale = largest(rows);
        if (scale > 0) {
            LinearAlgebra.installed().singular(flat(rows, scale), rows.length, values, new double[0], new double[0]);
            Arrays.setAll(values, i -> values[i] * scale);
        }
        return values;
    }

    /** The rows in coordinates of the space that they span: n of them, if they are fewer than d, by a rotation; else as they are. */
    public static double[][] coordinates(double[][] rows) {
        double scale = largest(rows);
        int n = rows.length;
        int d = rows[0].length;
        if (n >= d || scale == 0) {
            return rows;
        }
        QRDecomposition<DMatrixRMaj> qr = Decompositions.qr();
        // It says false of a matrix without full rank, whose factors are right all the same.
        qr.decompose(CommonOps_DDRM.transpose(DMatrixRMaj.wrap(n, d, flat(rows, scale)), null));
        DMatrixRMaj r = qr.getR(null, true);
        CommonOps_DDRM.scale(scale, r);
        double[][] coordinates = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                coordinates[i][j] = r.unsafe_get(j, i);
            }
        }
        return coordinates;
    }

    private static double largest(double[][] rows) {
        double largest = 0;
        for (double[] row : rows) {
            for (double value : row) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        return largest;
    }

    /** The rows one behind the other, scaled so that no square overflows. */
    private static double[] flat(double[][] rows, double scale) {
        int width = rows[0].length;
        double[] flat = new double[Math.multiplyExact(rows.length, width)];
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < width; j++) {
                flat[i * width + j] = rows[i][j] / scale;
            }
        }
        return flat;
    }

    private static double[] directed(double[] row) {
        double extreme = 0;
        for (double value : row) {
            extreme = Math.abs(value) > Math.abs(extreme) ? value : extreme;
        }
        if (extreme < 0) {
            Arrays.setAll(row, i -> -row[i]);
        }
        return row;
    }
}
