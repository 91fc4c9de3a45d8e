package io.modscan.metrics.internal.linear;

import io.modscan.core.error.ModscanException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * Singular values and vectors of a matrix that is given by its n rows of d finite values. QR comes first, then the SVD of the
 * square factor: as accurate as an SVD of the whole, and faster, O(n·d·min(n, d)).
 */
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
        boolean wide = rows.length < rows[0].length;
        QRDecomposition<DMatrixRMaj> qr = qr(rows, scale);
        SingularValueDecomposition_F64<DMatrixRMaj> svd = decompose(qr.getR(null, true), wide, !wide);
        double[] values = svd.getSingularValues();
        int[] order = descending(values, svd.numberOfSingularValues());
        double threshold = Math.max(least / scale, relative * values[order[0]]);
        int[] kept = Arrays.stream(order)
                .filter(i -> values[i] > threshold)
                .limit(most)
                .toArray();
        DMatrixRMaj vectors = columns(wide ? svd.getU(null, false) : svd.getV(null, false), kept);
        // Of a wide matrix the transpose was decomposed: its left vectors are Q times those of the factor.
        return directed(rows(wide ? CommonOps_DDRM.mult(qr.getQ(null, true), vectors, null) : vectors));
    }

    /** The singular values, in descending order: as many as the shorter side is long. */
    public static double[] values(double[][] rows) {
        double scale = largest(rows);
        if (scale == 0) {
            return new double[Math.min(rows.length, rows[0].length)];
        }
        SingularValueDecomposition_F64<DMatrixRMaj> svd =
                decompose(qr(rows, scale).getR(null, true), false, false);
        double[] values = svd.getSingularValues();
        return Arrays.stream(descending(values, svd.numberOfSingularValues()))
                .mapToDouble(i -> values[i] * scale)
                .toArray();
    }

    /** The rows in coordinates of the space that they span: n of them, if they are fewer than d, by a rotation; else as they are. */
    public static double[][] coordinates(double[][] rows) {
        double scale = largest(rows);
        if (rows.length >= rows[0].length || scale == 0) {
            return rows;
        }
        DMatrixRMaj r = qr(rows, scale).getR(null, true);
        CommonOps_DDRM.scale(scale, r);
        return rows(r);
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

    /** QR of the matrix, or of its transpose if that is the taller one; values are scaled so that no square overflows. */
    private static QRDecomposition<DMatrixRMaj> qr(double[][] rows, double scale) {
        int n = rows.length;
        int d = rows[0].length;
        boolean wide = n < d;
        DMatrixRMaj tall = new DMatrixRMaj(Math.max(n, d), Math.min(n, d));
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < d; j++) {
                tall.unsafe_set(wide ? j : i, wide ? i : j, rows[i][j] / scale);
            }
        }
        QRDecomposition<DMatrixRMaj> qr = Decompositions.qr();
        // It says false of a matrix without full rank, whose factors are right all the same.
        qr.decompose(tall);
        return qr;
    }

    /**
     * A compact SVD.
     *
     * @param matrix used up
     * @param u      whether left singular vectors are wanted
     * @param v      whether right ones are
     * @throws ModscanException if it does not converge
     */
    public static SingularValueDecomposition_F64<DMatrixRMaj> decompose(DMatrixRMaj matrix, boolean u, boolean v) {
        SingularValueDecomposition_F64<DMatrixRMaj> svd = Decompositions.svd(u, v);
        if (!svd.decompose(matrix)) {
            throw new ModscanException("the singular value decomposition of a matrix of " + matrix.numRows + " × "
                    + matrix.numCols + " did not converge");
        }
        return svd;
    }

    private static int[] descending(double[] values, int count) {
        return IntStream.range(0, count)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -values[i]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private static DMatrixRMaj columns(DMatrixRMaj matrix, int[] which) {
        DMatrixRMaj columns = new DMatrixRMaj(matrix.numRows, which.length);
        for (int i = 0; i < matrix.numRows; i++) {
            for (int j = 0; j < which.length; j++) {
                columns.unsafe_set(i, j, matrix.unsafe_get(i, which[j]));
            }
        }
        return columns;
    }

    /** The columns of a matrix as rows. */
    private static double[][] rows(DMatrixRMaj columns) {
        double[][] rows = new double[columns.numCols][columns.numRows];
        for (int j = 0; j < rows.length; j++) {
            for (int i = 0; i < columns.numRows; i++) {
                rows[j][i] = columns.unsafe_get(i, j);
            }
        }
        return rows;
    }

    private static double[][] directed(double[][] rows) {
        for (double[] row : rows) {
            double extreme = 0;
            for (double value : row) {
                extreme = Math.abs(value) > Math.abs(extreme) ? value : extreme;
            }
            if (extreme < 0) {
                Arrays.setAll(row, i -> -row[i]);
            }
        }
        return rows;
    }
}
