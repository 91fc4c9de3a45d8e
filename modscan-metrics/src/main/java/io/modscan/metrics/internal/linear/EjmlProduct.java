package io.modscan.metrics.internal.linear;

import io.modscan.core.model.MatrixProduct;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import org.ejml.concurrency.EjmlConcurrency;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.CommonOps_MT_DDRM;

/** Matrix products by EJML, in plain Java and on all processors: the default, where nothing faster is on the class path. */
public final class EjmlProduct implements MatrixProduct {

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
        DMatrixRMaj left = DMatrixRMaj.wrap(a.length / inner, inner, a);
        DMatrixRMaj right = DMatrixRMaj.wrap(b.length / inner, inner, b);
        DMatrixRMaj result = new DMatrixRMaj(left.numRows, right.numRows);
        if (EjmlConcurrency.useConcurrent(left)) {
            CommonOps_MT_DDRM.multTransB(left, right, result);
        } else {
            CommonOps_DDRM.multTransB(left, right, result);
        }
        return result.data;
    }

    @Override
    public int rank() {
        return 0;
    }
}
