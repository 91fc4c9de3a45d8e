package io.modscan.metrics.internal.linear;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.ejml.concurrency.EjmlConcurrency;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.CommonOps_MT_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/** Linear algebra by EJML, in plain Java: the default, where nothing faster is on the class path. Products use all processors. */
public final class EjmlAlgebra implements LinearAlgebra {

    /** Multiplications between two looks at the interrupt: some tenths of a second. */
    private static final long MOST = 1L << 28;

    /** Called by the service loader. */
    public EjmlAlgebra() {}

    @Override
    public void timesTransposed(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product) {
        LinearAlgebra.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        // EJML's single precision would be a dependency of its own, and is hardly faster.
        double[] values = multiply(widened(a), widened(b), inner);
        FloatBuffer whole = product.duplicate().clear();
        for (int i = 0; i < values.length; i++) {
            whole.put(i, (float) values[i]);
        }
    }

    @Override
    public void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
        LinearAlgebra.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        product.duplicate().clear().put(0, multiply(copied(a), copied(b), inner));
    }

    /** Limits are the caller's; a duplicate has its own. */
    private static double[] widened(FloatBuffer buffer) {
        FloatBuffer whole = buffer.duplicate().clear();
        double[] values = new double[whole.capacity()];
        for (int i = 0; i < values.length; i++) {
            values[i] = whole.get(i);
        }
        return values;
    }

    private static double[] copied(DoubleBuffer buffer) {
        double[] values = new double[buffer.capacity()];
        buffer.duplicate().clear().get(0, values);
        return values;
    }

    private static double[] multiply(double[] a, double[] b, int inner) {
        if (a.length == 0 || b.length == 0) {
            return new double[0];
        }
        int rows = a.length / inner;
        DMatrixRMaj right = DMatrixRMaj.wrap(b.length / inner, inner, b);
        int most = (int) Math.max(1, Math.min(rows, MOST / ((long) right.numRows * inner)));
        double[] product = new double[rows * right.numRows];
        for (int top = 0; top < rows; top += most) {
            Interrupt.checkThisThread();
            int some = Math.min(most, rows - top);
            boolean all = some == rows;
            DMatrixRMaj left =
                    DMatrixRMaj.wrap(some, inner, all ? a : Arrays.copyOfRange(a, top * inner, (top + some) * inner));
            DMatrixRMaj result =
                    all ? DMatrixRMaj.wrap(rows, right.numRows, product) : new DMatrixRMaj(some, right.numRows);
            multiply(left, right, result);
            if (!all) {
                System.arraycopy(result.data, 0, product, top * right.numRows, some * right.numRows);
            }
        }
        return product;
    }

    private static void multiply(DMatrixRMaj left, DMatrixRMaj right, DMatrixRMaj result) {
        if (!EjmlConcurrency.useConcurrent(left)) {
            CommonOps_DDRM.multTransB(left, right, result);
            return;
        }
        try {
            CommonOps_MT_DDRM.multTransB(left, right, result);
        } catch (RuntimeException e) {
            // While it waits for its pool, EJML takes the interrupt for itself.
            if (e.getCause() instanceof InterruptedException) {
                Thread.currentThread().interrupt();
                Interrupt.checkThisThread();
            }
            throw e;
        }
    }

    @Override
    public void symmetricEigen(double[] matrix, int width, double[] values, double[] vectors) {
        LinearAlgebra.checkSymmetricEigen(matrix, width, values.length, vectors.length);
        double scale = Scale.down(matrix);
        Decompositions.Eigen eigen = Decompositions.symmetric(matrix, width, vectors.length > 0);
        int[] order = descending(eigen.values(), width);
        for (int i = 0; i < values.length; i++) {
            values[i] = eigen.values()[order[i]] * scale;
            if (vectors.length > 0) {
                System.arraycopy(eigen.vectors(), order[i] * width, vectors, i * width, width);
            }
        }
    }

    /** QR of the matrix, or of its transpose if that is the taller one, and then the SVD of the square factor: as accurate, and faster. */
    @Override
    public void singular(double[] matrix, int rows, double[] values, double[] left, double[] right) {
        LinearAlgebra.checkSingular(matrix, rows, values.length, left.length, right.length);
        int columns = matrix.length / rows;
        boolean wide = rows < columns;
        double scale = Scale.down(matrix);
        DMatrixRMaj given = DMatrixRMaj.wrap(rows, columns, matrix);
        QRDecomposition<DMatrixRMaj> qr = Decompositions.qr();
        // It says false of a matrix without full rank, whose factors are right all the same.
        qr.decompose(wide ? CommonOps_DDRM.transpose(given, null) : given);
        double[] outer = wide ? right : left;
        double[] inner = wide ? left : right;
        SingularValueDecomposition_F64<DMatrixRMaj> svd =
                Decompositions.svd(qr.getR(null, true), outer.length > 0, inner.length > 0);
        int[] order = descending(svd.getSingularValues(), svd.numberOfSingularValues());
        for (int i = 0; i < values.length; i++) {
            values[i] = svd.getSingularValues()[order[i]] * scale;
        }
        if (inner.length > 0) {
            copyColumns(svd.getV(null, false), order, values.length, inner);
        }
        if (outer.length > 0) {
            DMatrixRMaj ofFactor = new DMatrixRMaj(values.length, Math.min(rows, columns));
            copyColumns(svd.getU(null, false), order, values.length, ofFactor.data);
            CommonOps_DDRM.multTransB(
                    ofFactor, qr.getQ(null, true), DMatrixRMaj.wrap(values.length, Math.max(rows, columns), outer));
        }
    }

    /** Some columns of a matrix as rows. */
    private static void copyColumns(DMatrixRMaj matrix, int[] which, int count, double[] to) {
        for (int i = 0; i < count; i++) {
            for (int k = 0; k < matrix.numRows; k++) {
                to[i * matrix.numRows + k] = matrix.unsafe_get(k, which[i]);
            }
        }
    }

    private static int[] descending(double[] values, int count) {
        return IntStream.range(0, count)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -values[i]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    @Override
    public int rank() {
        return 0;
    }
}
