package io.modscan.core.model;

import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/**
 * Linear algebra of large matrices, where most of the time of similarities, bases, subspaces and modules goes: products, eigenvalues
 * of symmetric matrices, and singular values. An implementation is a service ({@link java.util.ServiceLoader}):
 * {@code modscan-metrics} brings one in plain Java that answers all, {@code modscan-onnx} faster products by ONNX Runtime, and
 * {@code modscan-openblas} all of it by OpenBLAS; the fastest that is on the class path is taken. One of your own must
 * multiply; what else it leaves out is answered by the next one {@linkplain #rank() in rank}. Implementations are public, have a
 * public constructor without parameters, and are safe for use by many threads. {@link LinearAlgebraContract} proves one.
 *
 * <p>Matrices are row-major. Those in buffers lie on the heap or are direct, from index 0 to the capacity; positions and limits
 * don't count and are left alone. An implementation may be handed any size. Products are made for more than a million multiplications;
 * decompositions also of small matrices are asked for, and by many threads at once.
 *
 * <p><b>What is not finite.</b> A NaN or infinite value makes what is computed from it NaN, infinite, or any other number, and in a product
 * leaves what isn't computed from it alone; the decompositions refuse it.
 *
 * <p><b>Interrupts.</b> What takes longer than a second looks at the thread's interrupt meanwhile.
 */
public interface LinearAlgebra {

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
     * Adds the products of a matrix's columns, XᵀX, in double precision: what second moments are made of.
     *
     * @param x     [n, width]
     * @param width the length of a row, at least 1
     * @param sums  [width, width]; to each value with j ≤ i is added Σ<sub>k</sub> x[k, i]·x[k, j]. Those with j &gt; i are without
     *     meaning, before and afterwards
     * @throws IllegalArgumentException                   if the capacities do not fit
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; the sums are without meaning then
     */
    default void addColumnProducts(DoubleBuffer x, int width, DoubleBuffer sums) {
        ColumnProducts.add(this, x, width, sums);
    }

    /**
     * The largest eigenvalues of a symmetric matrix, and their eigenvectors. Errors are of the size of rounding in double precision: of
     * a value, a small multiple of width · 2<sup>−53</sup> · |λ|, where |λ| is the largest magnitude of all eigenvalues. Few of many take
     * less time than all.
     *
     * @param matrix  [width, width], symmetric; one triangle may be read, or both; overwritten with what is without meaning
     * @param width   at least 1
     * @param values  [k] for 1 ≤ k ≤ width, overwritten with the k largest eigenvalues, in descending order
     * @param vectors [k, width], overwritten with orthonormal eigenvectors, a row each, of either sign; or [0] for none
     * @throws IllegalArgumentException                     if lengths do not fit, or a value is NaN or infinite
     * @throws io.modscan.core.error.ModscanException       if it does not converge
     * @throws IllegalStateException                        if no service on the class path decomposes
     * @throws java.util.concurrent.CancellationException   if the thread is interrupted; the results are without meaning then
     */
    default void symmetricEigen(double[] matrix, int width, double[] values, double[] vectors) {
        Installed.below(this).symmetricEigen(matrix, width, values, vectors);
    }

    /**
     * The largest singular values of a matrix A = Σ<sub>i</sub> values[i]·left[i]·right[i]ᵀ, and their singular vectors. Errors are of the size
     * of rounding in double precision relative to the largest singular value.
     *
     * @param matrix [rows, columns]; overwritten with what is without meaning
     * @param rows   at least 1
     * @param values [k] for 1 ≤ k ≤ min(rows, columns), overwritten with the k largest singular values, in descending order
     * @param left   [k, rows], overwritten with orthonormal left singular vectors, a row each; or [0] for none
     * @param right  [k, columns], overwritten with orthonormal right singular vectors, a row each; or [0] for none. A left and a
     *     right one together have one sign
     * @throws IllegalArgumentException                     if lengths do not fit, or a value is NaN or infinite
     * @throws io.modscan.core.error.ModscanException       if it does not converge
     * @throws IllegalStateException                        if no service on the class path decomposes
     * @throws java.util.concurrent.CancellationException   if the thread is interrupted; the results are without meaning then
     */
    default void singular(double[] matrix, int rows, double[] values, double[] left, double[] right) {
        Installed.below(this).singular(matrix, rows, values, left, right);
    }

    /**
     * How fast it is beside others: the implementation of the highest rank is taken.
     *
     * @return 0 for plain Java, 10 for ONNX Runtime, 20 for OpenBLAS
     */
    int rank();

    /**
     * The implementation to use: that of the highest rank that can be loaded here, or the one whose class the system property
     * {@code modscan.algebra} names, whole or its last part. Chosen once, at the first call. One that cannot be loaded, such as for want of
     * its native library, is warned of, and the next one is taken.
     *
     * @return the implementation, the same each time
     * @throws IllegalStateException if there is none, or none of the name that was asked for
     */
    static LinearAlgebra installed() {
        return Installed.algebra();
    }

    /**
     * Sees to it that the matrices of a product fit.
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

    /**
     * Sees to it that a matrix and the sums of its columns' products fit.
     *
     * @param x     the capacity of the matrix
     * @param width the length of a row
     * @param sums  the capacity of the sums
     * @throws IllegalArgumentException if they do not
     */
    static void checkColumnProducts(int x, int width, int sums) {
        if (width < 1 || x % width != 0 || (long) width * width != sums) {
            throw new IllegalArgumentException("a matrix of " + x + " values in rows of " + width
                    + " has no products of columns in " + sums + " values");
        }
    }

    /**
     * Sees to it that a symmetric matrix and its results fit, and that its values are finite.
     *
     * @param matrix  the matrix
     * @param width   the length of a row
     * @param values  how many eigenvalues are asked for
     * @param vectors for how many values of eigenvectors there is room
     * @throws IllegalArgumentException if they do not, or a value is NaN or infinite
     */
    static void checkSymmetricEigen(double[] matrix, int width, int values, int vectors) {
        if (width < 1 || (long) width * width != matrix.length) {
            throw new IllegalArgumentException(
                    matrix.length + " values are no symmetric matrix with rows of " + width + " values");
        }
        Decomposed.checkCounts("eigenvalues", width, values);
        Decomposed.checkVectors("eigenvectors", values, width, vectors);
        Decomposed.checkFinite(matrix, width);
    }

    /**
     * Sees to it that a matrix and its singular values and vectors fit, and that its values are finite.
     *
     * @param matrix the matrix
     * @param rows   how many rows it has
     * @param values how many singular values are asked for
     * @param left   for how many values of left singular vectors there is room
     * @param right  for how many values of right ones
     * @throws IllegalArgumentException if they do not, or a value is NaN or infinite
     */
    static void checkSingular(double[] matrix, int rows, int values, int left, int right) {
        if (rows < 1 || matrix.length == 0 || matrix.length % rows != 0) {
            throw new IllegalArgumentException(matrix.length + " values are no matrix of " + rows + " rows");
        }
        int columns = matrix.length / rows;
        Decomposed.checkCounts("singular values", Math.min(rows, columns), values);
        Decomposed.checkVectors("left singular vectors", values, rows, left);
        Decomposed.checkVectors("right singular vectors", values, columns, right);
        Decomposed.checkFinite(matrix, columns);
    }
}
