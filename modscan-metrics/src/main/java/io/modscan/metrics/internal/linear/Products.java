package io.modscan.metrics.internal.linear;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;

/** Products of matrices of any size. */
public final class Products {

    /** The number of multiplications from which on the installed service is worth its call. */
    private static final long LARGE = 1 << 20;

    /** With fewer rows on either side a product is as slow as reading the other matrix, and handing it over is slower. */
    private static final int ROWS = 8;

    private Products() {}

    /**
     * A·Bᵀ.
     *
     * @param a     [m, inner]
     * @param b     [n, inner]
     * @param inner possibly 0, and then the product is one of zeros
     */
    public static double[] timesTransposed(double[] a, int m, double[] b, int n, int inner) {
        double[] product = new double[Math.multiplyExact(m, n)];
        if (Math.min(m, n) >= ROWS && (long) m * n * inner >= LARGE) {
            LinearAlgebra.installed()
                    .timesTransposed(DoubleBuffer.wrap(a), DoubleBuffer.wrap(b), inner, DoubleBuffer.wrap(product));
            return product;
        }
        for (int i = 0; i < m; i++) {
            Interrupt.checkThisThread();
            for (int j = 0; j < n; j++) {
                product[i * n + j] = Dot.of(a, i * inner, b, j * inner, inner);
            }
        }
        return product;
    }

    /** Aᵀ for A [rows, columns]. */
    public static double[] transposed(double[] matrix, int rows, int columns) {
        double[] transposed = new double[matrix.length];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                transposed[j * rows + i] = matrix[i * columns + j];
            }
        }
        return transposed;
    }
}
