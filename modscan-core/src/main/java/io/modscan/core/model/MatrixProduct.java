package io.modscan.core.model;

import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/**
 * Multiplies large matrices: A·Bᵀ, where most of the time of similarities, bases and modules goes. An implementation is a
 * service ({@link java.util.ServiceLoader}): {@code modscan-metrics} brings one in plain Java, {@code modscan-onnx} a faster one
 * by ONNX Runtime, which is taken where it is on the class path. Implementations are public, have a public constructor without
 * parameters, and are safe for use by many threads.
 *
 * <p>Matrices are row-major and lie in buffers, on the heap or direct, from index 0 to the capacity; positions and limits
 * don't count and are left alone. An implementation may be handed any size, and is made for more than a million
 * multiplications. One that takes longer than a second looks at the thread's interrupt meanwhile.
 */
public interface MatrixProduct {

    /**
     * Multiplies in single precision: factors are not cut to fewer bits, and sums are taken in any order, in single precision at least.
     *
     * @param a       [m, inner]
     * @param b       [n, inner], possibly the same buffer
     * @param inner   the length of a row, at least 1
     * @param product [m, n], overwritten with Σ<sub>k</sub> a[i, k]·b[j, k]
     * @throws IllegalArgumentException                   if the capacities do not fit
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; the product is without meaning then
     */
    void timesTransposed(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product);

    /**
     * Multiplies in double precision.
     *
     * @param a       [m, inner]
     * @param b       [n, inner], possibly the same buffer
     * @param inner   the length of a row, at least 1
     * @param product [m, n], overwritten with Σ<sub>k</sub> a[i, k]·b[j, k]
     * @throws IllegalArgumentException                   if the capacities do not fit
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; the product is without meaning then
     */
    void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product);

    /**
     * How fast it is beside others: the implementation of the highest rank is taken.
     *
     * @return 0 for plain Java, more for what is faster
     */
    int rank();

    /**
     * The implementation to use: that of the highest rank that can be loaded here, or the one whose class the system property
     * {@code modscan.product} names, whole or its last part. Chosen once, at the first call.
     *
     * @return the implementation, the same each time
     * @throws IllegalStateException if there is none, or none of the name that was asked for
     */
    static MatrixProduct installed() {
        return Installed.product();
    }

    /**
     * Sees to it that matrices fit.
     *
     * @param a       the capacity of A
     * @param b       the capacity of B
     * @param inner   the length of a row
     * @param product the capacity of the product
     * @throws IllegalArgumentException if they do not
     */
    static void checkSizes(int a, int b, int inner, int product) {
        if (inner < 1 || a % inner != 0 || b % inner != 0 || (long) (a / inner) * (b / inner) != product) {
            throw new IllegalArgumentException("matrices of " + a + " and " + b + " values in rows of " + inner
                    + " have no product of " + product + " values");
        }
    }
}
