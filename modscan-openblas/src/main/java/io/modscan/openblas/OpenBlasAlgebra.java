package io.modscan.openblas;

import static org.bytedeco.openblas.global.openblas.CblasLower;
import static org.bytedeco.openblas.global.openblas.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas.CblasTrans;
import static org.bytedeco.openblas.global.openblas.cblas_dgemm;
import static org.bytedeco.openblas.global.openblas.cblas_dsyrk;
import static org.bytedeco.openblas.global.openblas.cblas_sgemm;
import static org.bytedeco.openblas.global.openblas.cblas_ssyrk;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.model.Threads;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.concurrent.CancellationException;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas;

/**
 * Linear algebra by <a href="https://www.openblas.net">OpenBLAS</a> and the LAPACK within it: products, eigenvalues and singular
 * values. It is taken where this module is on the class path and its library can be loaded; the system property
 * {@code modscan.algebra} chooses another service.
 *
 * <p><b>Threads.</b> One a physical core, as for ONNX Runtime, unless the environment says otherwise by {@code OPENBLAS_NUM_THREADS}
 * or {@code OMP_NUM_THREADS}. They are the library's own; products of several threads take turns. After a call they look for work for 0.1 ms, and not for 20 ms
 * as by themselves, unless {@code OPENBLAS_THREAD_TIMEOUT} says otherwise.
 *
 * <p><b>Memory.</b> Direct buffers of the native byte order are read and written where they are; others are copied tile by tile, through
 * at most 96 MiB outside the heap. A decomposition copies its matrix, outside the heap if it is large, and takes as much again or twice that
 * for the library's work; up to 64 MiB of that are kept for the next one.
 *
 * <p><b>Interrupts.</b> Products look at the interrupt between pieces. A decomposition cannot be ended: of a large matrix it runs in a thread of its own,
 * so that the interrupted caller goes on at once, while the library ends in vain what it had begun.
 *
 * <p><b>The end of the process.</b> If calls are in the library 0.2 seconds after it began, the process leaves without tidying up
 * what native libraries left: OpenBLAS would take its memory away from under them. A call that begins later throws
 * {@link CancellationException}.
 *
 * <p>Safe for use by many threads.
 */
public final class OpenBlasAlgebra implements LinearAlgebra {

    /** Multiplications between two looks at the interrupt: some tenths of a second on two cores. */
    static final long MOST = 1L << 33;

    /**
     * Called by the service loader.
     *
     * @throws LinkageError if the library cannot be loaded here
     */
    public OpenBlasAlgebra() {
        Threads.uninterrupted(() -> {
            Idling.shorten();
            return Loader.load(openblas.class);
        });
        if (System.getenv("OPENBLAS_NUM_THREADS") == null && System.getenv("OMP_NUM_THREADS") == null) {
            openblas.blas_set_num_threads(Threads.usual());
        }
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // one and the same buffer, whatever is in it
    public void timesTransposed(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product) {
        LinearAlgebra.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        FloatBuffer left = a.duplicate().clear();
        FloatBuffer right = b.duplicate().clear();
        FloatBuffer result = product.duplicate().clear();
        if (Direct.is(a) && Direct.is(b) && Direct.is(product)) {
            int n = a.capacity() / inner;
            if (a == b && Halves.suit(n, inner)) {
                checkInterrupt();
                Calls.inTurn(() ->
                        cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, inner, 1, left, inner, 0, result, n));
                Halves.mirror(result, n);
                return;
            }
            multiply(left, right, inner, result);
            return;
        }
        int columns = b.capacity() / inner;
        Tiles.forEach(a.capacity() / inner, columns, inner, Float.BYTES, (tile, scratch) -> {
            FloatBuffer above = scratch.left().asFloatBuffer().put(0, left, tile.top() * inner, tile.rows() * inner);
            FloatBuffer beside =
                    scratch.right().asFloatBuffer().put(0, right, tile.left() * inner, tile.columns() * inner);
            FloatBuffer ofTile = scratch.result().asFloatBuffer();
            multiply(above, beside, inner, ofTile);
            for (int row = 0; row < tile.rows(); row++) {
                result.put((tile.top() + row) * columns + tile.left(), ofTile, row * tile.columns(), tile.columns());
            }
        });
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // one and the same buffer, whatever is in it
    public void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
        LinearAlgebra.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        DoubleBuffer left = a.duplicate().clear();
        DoubleBuffer right = b.duplicate().clear();
        DoubleBuffer result = product.duplicate().clear();
        if (Direct.is(a) && Direct.is(b) && Direct.is(product)) {
            int n = a.capacity() / inner;
            if (a == b && Halves.suit(n, inner)) {
                checkInterrupt();
                Calls.inTurn(() ->
                        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, inner, 1, left, inner, 0, result, n));
                Halves.mirror(result, n);
                return;
            }
            multiply(left, right, inner, result);
            return;
        }
        int columns = b.capacity() / inner;
        Tiles.forEach(a.capacity() / inner, columns, inner, Double.BYTES, (tile, scratch) -> {
            DoubleBuffer above = scratch.left().asDoubleBuffer().put(0, left, tile.top() * inner, tile.rows() * inner);
            DoubleBuffer beside =
                    scratch.right().asDoubleBuffer().put(0, right, tile.left() * inner, tile.columns() * inner);
            DoubleBuffer ofTile = scratch.result().asDoubleBuffer();
            multiply(above, beside, inner, ofTile);
            for (int row = 0; row < tile.rows(); row++) {
                result.put((tile.top() + row) * columns + tile.left(), ofTile, row * tile.columns(), tile.columns());
            }
        });
    }

    private static void multiply(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product) {
        int n = b.capacity() / inner;
        // Rows of no length are an error to it.
        int rows = n == 0 ? 0 : a.capacity() / inner;
        int most = most(rows, (long) n * inner);
        for (int top = 0; top < rows; top += most) {
            checkInterrupt();
            int m = Math.min(most, rows - top);
            FloatBuffer from = a.slice(top * inner, m * inner);
            FloatBuffer to = product.slice(top * n, m * n);
            Calls.inTurn(() -> cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, CblasTrans, m, n, inner, 1, from, inner, b, inner, 0, to, n));
        }
    }

    private static void multiply(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
        int n = b.capacity() / inner;
        // Rows of no length are an error to it.
        int rows = n == 0 ? 0 : a.capacity() / inner;
        int most = most(rows, (long) n * inner);
        for (int top = 0; top < rows; top += most) {
            checkInterrupt();
            int m = Math.min(most, rows - top);
            DoubleBuffer from = a.slice(top * inner, m * inner);
            DoubleBuffer to = product.slice(top * n, m * n);
            Calls.inTurn(() -> cblas_dgemm(
                    CblasRowMajor, CblasNoTrans, CblasTrans, m, n, inner, 1, from, inner, b, inner, 0, to, n));
        }
    }

    /** How many rows are multiplied at once. */
    private static int most(int rows, long multiplicationsOfRow) {
        return (int) Math.max(1, Math.min(rows, MOST / Math.max(1, multiplicationsOfRow)));
    }

    @Override
    public void addColumnProducts(DoubleBuffer x, int width, DoubleBuffer sums) {
        LinearAlgebra.checkColumnProducts(x.capacity(), width, sums.capacity());
        DoubleBuffer from = x.duplicate().clear();
        DoubleBuffer total = Direct.is(sums) ? sums.duplicate().clear() : Direct.copy(sums);
        int rows = x.capacity() / width;
        int most = most(rows, (long) width * width);
        if (!Direct.is(x)) {
            most = Math.min(most, Math.max(1, Tiles.MOST_VALUES / width));
        }
        for (int top = 0; top < rows; top += most) {
            checkInterrupt();
            int count = Math.min(most, rows - top);
            DoubleBuffer piece = from.slice(top * width, count * width);
            DoubleBuffer some = Direct.is(x) ? piece : Direct.copy(piece);
            Calls.inTurn(() ->
                    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, width, count, 1, some, width, 1, total, width));
        }
        if (!Direct.is(sums)) {
            sums.duplicate().clear().put(0, total, 0, total.capacity());
        }
    }

    @Override
    public void symmetricEigen(double[] matrix, int width, double[] values, double[] vectors) {
        LinearAlgebra.checkSymmetricEigen(matrix, width, values.length, vectors.length);
        checkInterrupt();
        Lapack.symmetricEigen(matrix, width, values, vectors);
    }

    @Override
    public void singular(double[] matrix, int rows, double[] values, double[] left, double[] right) {
        LinearAlgebra.checkSingular(matrix, rows, values.length, left.length, right.length);
        checkInterrupt();
        Lapack.singular(matrix, rows, values, left, right);
    }

    static void checkInterrupt() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted in linear algebra");
        }
    }

    @Override
    public int rank() {
        return 20;
    }
}
