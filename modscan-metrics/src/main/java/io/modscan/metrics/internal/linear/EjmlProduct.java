package io.modscan.metrics.internal.linear;

import io.modscan.core.model.MatrixProduct;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.ejml.concurrency.EjmlConcurrency;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.CommonOps_MT_DDRM;

/** Matrix products by EJML, in plain Java and on all processors: the default, where nothing faster is on the class path. */
public final class EjmlProduct implements MatrixProduct {

    /** Multiplications between two looks at the interrupt: some tenths of a second. */
    private static final long MOST = 1L << 28;

    /** Called by the service loader. */
    public EjmlProduct() {}

    @Override
    public void timesTransposed(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product) {
        MatrixProduct.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        // EJML's single precision would be a dependency of its own, and is hardly faster.
        double[] values = multiply(widened(a), widened(b), inner);
        for (int i = 0; i < values.length; i++) {
            product.put(i, (float) values[i]);
        }
    }

    @Override
    public void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
        MatrixProduct.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        product.put(0, multiply(copied(a), copied(b), inner));
    }

    private static double[] widened(FloatBuffer buffer) {
        double[] values = new double[buffer.capacity()];
        for (int i = 0; i < values.length; i++) {
            values[i] = buffer.get(i);
        }
        return values;
    }

    private static double[] copied(DoubleBuffer buffer) {
        double[] values = new double[buffer.capacity()];
        buffer.get(0, values);
        return values;
    }

    private static double[] multiply(double[] a, double[] b, int inner) {
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
    public int rank() {
        return 0;
    }
}
