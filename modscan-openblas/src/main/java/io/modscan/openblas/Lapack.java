package io.modscan.openblas;

import static org.bytedeco.openblas.global.openblas.LAPACKE_dgelqf;
import static org.bytedeco.openblas.global.openblas.LAPACKE_dgeqrf;
import static org.bytedeco.openblas.global.openblas.LAPACKE_dgesdd;
import static org.bytedeco.openblas.global.openblas.LAPACKE_dsyevd;
import static org.bytedeco.openblas.global.openblas.LAPACKE_dsyevr;
import static org.bytedeco.openblas.global.openblas.LAPACK_COL_MAJOR;

import io.modscan.core.error.ModscanException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Decompositions by LAPACK, which counts columns first: to it a matrix of ours is its transpose, and its vectors, columns, are our
 * rows, so that next to nothing is transposed.
 */
final class Lapack {

    /** From how many values on a decomposition may take so long on a busy machine that it is waited for, so that an interrupt ends it. */
    private static final int LARGE = 1 << 14;

    /** Up to this width a large matrix is worked on in direct memory, at most 100 MB; of wider ones the copies of arrays are a small share. */
    private static final int WIDEST = 2048;

    /** Up to this share of the eigenvalues, those alone are faster than all. */
    private static final double FEW = 0.15;

    /** How much longer one side must be for a triangle of the shorter one to be worth its making. */
    private static final double TALL = 1.5;

    private static final double[] NONE = {};

    private Lapack() {}

    /** What was found, to be handed on once it is complete. */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    private record Found(double[] values, double[] vectors, double[] others) {}

    static void symmetricEigen(double[] matrix, int width, double[] values, double[] vectors) {
        boolean few = values.length <= width * FEW;
        if (matrix.length >= LARGE && width <= WIDEST) {
            LargeEigen eigen = new LargeEigen(matrix, width, values, vectors);
            if (!few || !eigen.largest()) {
                eigen.all();
            }
            return;
        }
        boolean wanted = vectors.length > 0;
        Found found = matrix.length < LARGE
                ? Calls.get(() -> eigen(matrix, width, values.length, few, wanted))
                : apart(matrix.clone(), width, values.length, few, wanted);
        // In ascending order.
        int last = found.values().length - 1;
        for (int i = 0; i < values.length; i++) {
            values[i] = found.values()[last - i];
            if (wanted) {
                System.arraycopy(found.vectors(), (last - i) * width, vectors, i * width, width);
            }
        }
    }

    /** Of a copy, since an interrupted caller may do with its matrix what it likes. */
    private static Found apart(double[] own, int width, int count, boolean few, boolean wanted) {
        return Waiting.call(() -> eigen(own, width, count, few, wanted));
    }

    private static Found eigen(double[] matrix, int width, int count, boolean few, boolean wanted) {
        if (!few) {
            return all(matrix, width, wanted);
        }
        double[] kept = matrix.clone();
        Found some = largest(matrix, width, count, wanted);
        return some == null ? all(kept, width, wanted) : some;
    }

    private static Found all(double[] matrix, int width, boolean vectors) {
        double[] values = new double[width];
        int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, job(vectors ? 'V' : 'N'), job('L'), width, matrix, width, values);
        check(info, "eigendecomposition", width, width);
        return new Found(values, matrix, NONE);
    }

    /** Some, or null where the library does not find all of these, as may be where many are equal. */
    private static @Nullable Found largest(double[] matrix, int width, int count, boolean wanted) {
        double[] values = new double[width];
        double[] vectors = new double[wanted ? count * width : 1];
        int[] foundCount = new int[1];
        int info = LAPACKE_dsyevr(
                LAPACK_COL_MAJOR,
                job(wanted ? 'V' : 'N'),
                job('I'),
                job('L'),
                width,
                matrix,
                width,
                0,
                0,
                width - count + 1,
                width,
                0,
                foundCount,
                values,
                vectors,
                width,
                new int[2 * width]);
        return info == 0 && foundCount[0] == count ? new Found(Arrays.copyOf(values, count), vectors, NONE) : null;
    }

    static void singular(double[] matrix, int rows, double[] values, double[] left, double[] right) {
        int columns = matrix.length / rows;
        int most = Math.min(rows, columns);
        int count = values.length;
        Found found = matrix.length < LARGE
                ? Calls.get(() -> decomposed(matrix, rows, columns, left, right))
                : apart(matrix.clone(), rows, columns, left, right);
        System.arraycopy(found.values(), 0, values, 0, count);
        System.arraycopy(found.vectors(), 0, right, 0, right.length);
        for (int i = 0; i < count && left.length > 0; i++) {
            for (int k = 0; k < rows; k++) {
                left[i * rows + k] = found.others()[k * most + i];
            }
        }
    }

    /** Of a copy, since an interrupted caller may do with its matrix what it likes. */
    private static Found apart(double[] own, int rows, int columns, double[] left, double[] right) {
        return Waiting.call(() -> decomposed(own, rows, columns, left, right));
    }

    /** By the triangle, if the vectors of the longer side are not wanted. */
    private static Found decomposed(double[] matrix, int rows, int columns, double[] left, double[] right) {
        if (rows > TALL * columns && left.length == 0 && right.length > 0) {
            int info = LAPACKE_dgelqf(LAPACK_COL_MAJOR, columns, rows, matrix, columns, new double[columns]);
            check(info, "LQ decomposition", rows, columns);
            return decomposed(triangle(matrix, columns, columns, true), columns, columns, true);
        }
        if (columns > TALL * rows && right.length == 0 && left.length > 0) {
            int info = LAPACKE_dgeqrf(LAPACK_COL_MAJOR, columns, rows, matrix, columns, new double[rows]);
            check(info, "QR decomposition", rows, columns);
            return decomposed(triangle(matrix, columns, rows, false), rows, rows, true);
        }
        return decomposed(matrix, rows, columns, left.length + right.length > 0);
    }

    /** The lower or upper triangle of a matrix whose columns are so far apart. */
    private static double[] triangle(double[] matrix, int apart, int side, boolean lower) {
        double[] triangle = new double[side * side];
        for (int j = 0; j < side; j++) {
            int from = lower ? j : 0;
            int to = lower ? side : j + 1;
            System.arraycopy(matrix, j * apart + from, triangle, j * side + from, to - from);
        }
        return triangle;
    }

    private static Found decomposed(double[] matrix, int rows, int columns, boolean vectors) {
        int count = Math.min(rows, columns);
        double[] values = new double[count];
        double[] right = new double[vectors ? count * columns : 1];
        double[] left = new double[vectors ? count * rows : 1];
        int info = LAPACKE_dgesdd(
                LAPACK_COL_MAJOR,
                job(vectors ? 'S' : 'N'),
                columns,
                rows,
                matrix,
                columns,
                values,
                right,
                columns,
                left,
                count);
        check(info, "singular value decomposition", rows, columns);
        return new Found(values, right, left);
    }

    static byte job(char letter) {
        return (byte) letter;
    }

    static void check(int info, String what, int rows, int columns) {
        if (info != 0) {
            throw new ModscanException("the " + what + " of a matrix of " + rows + " × " + columns
                    + (info > 0
                            ? " did not converge"
                            : " failed in OpenBLAS with code " + info
                                    + "; below -1000 it wants memory outside the heap"));
        }
    }
}
