package io.modscan.openblas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.model.LinearAlgebraContract;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class OpenBlasAlgebraTest {

    private final LinearAlgebra algebra = new OpenBlasAlgebra();

    @Test
    void isWhatTheServiceLoaderFinds() {
        assertThat(LinearAlgebra.installed()).isInstanceOf(OpenBlasAlgebra.class);
    }

    @Test
    void keepsTheContract() {
        LinearAlgebraContract.of(algebra).verify();
    }

    /** Of more values than one that is decomposed in the thread that asks. */
    @Test
    void decomposesALargeMatrixAndKeepsTheCallers() {
        int rows = 600;
        int columns = 500;
        double[] matrix = random(rows * columns);
        double[] values = new double[1];
        double[] right = new double[columns];
        algebra.singular(matrix, rows, values, new double[0], right);
        double[] product = new double[columns * columns];
        for (int i = 0; i < columns; i++) {
            for (int j = 0; j < columns; j++) {
                for (int k = 0; k < rows; k++) {
                    product[i * columns + j] += matrix[k * columns + i] * matrix[k * columns + j];
                }
            }
        }
        double[] squares = new double[1];
        double[] vector = new double[columns];
        algebra.symmetricEigen(product, columns, squares, vector);
        assertThat(Math.abs(values[0] * values[0] / squares[0] - 1)).isLessThan(1e-13);
        double cosine = 0;
        for (int j = 0; j < columns; j++) {
            cosine += vector[j] * right[j];
        }
        assertThat(Math.abs(Math.abs(cosine) - 1)).isLessThan(1e-12);
    }

    /** All at once or the largest only, several times in the same memory. */
    @Test
    void eigenvectorsOfALargeMatrixAreItsOwn() {
        int width = 200;
        double[] matrix = random(width * width);
        for (int i = 0; i < width; i++) {
            for (int j = 0; j < i; j++) {
                matrix[j * width + i] = matrix[i * width + j];
            }
        }
        double[] all = new double[width];
        algebra.symmetricEigen(matrix.clone(), width, all, new double[0]);
        for (int count : new int[] {width, 5, width, 5}) {
            double[] values = new double[count];
            double[] vectors = new double[count * width];
            algebra.symmetricEigen(matrix.clone(), width, values, vectors);
            for (int i = 0; i < count; i++) {
                assertThat(values[i]).isCloseTo(all[i], within(1e-12));
                for (int row = 0; row < width; row++) {
                    double image = 0;
                    for (int k = 0; k < width; k++) {
                        image += matrix[row * width + k] * vectors[i * width + k];
                    }
                    assertThat(image).isCloseTo(values[i] * vectors[i * width + row], within(1e-12));
                }
            }
        }
    }

    /** One half of it is computed; the other one is that of the product of two. */
    @Test
    void aMatrixByItsOwnTransposeIsAsThatOfTwo() {
        int rows = 100;
        int inner = 30;
        double[] values = random(rows * inner);
        DoubleBuffer matrix = Direct.copy(DoubleBuffer.wrap(values));
        DoubleBuffer product = Direct.copy(DoubleBuffer.wrap(random(rows * rows)));
        DoubleBuffer expected = Direct.copy(product);
        algebra.timesTransposed(matrix, matrix, inner, product);
        algebra.timesTransposed(matrix, Direct.copy(matrix), inner, expected);
        FloatBuffer narrow = Direct.bytes(rows * inner * Float.BYTES).asFloatBuffer();
        FloatBuffer narrowProduct = Direct.bytes(rows * rows * Float.BYTES).asFloatBuffer();
        for (int i = 0; i < values.length; i++) {
            narrow.put(i, (float) values[i]);
        }
        algebra.timesTransposed(narrow, narrow, inner, narrowProduct);
        for (int at = 0; at < rows * rows; at++) {
            assertThat(product.get(at)).isCloseTo(expected.get(at), within(1e-13));
            assertThat((double) narrowProduct.get(at)).isCloseTo(expected.get(at), within(1e-4));
        }
    }

    @Test
    void anInterruptedThreadBeginsNoDecomposition() {
        double[] matrix = random(600 * 600);
        Thread.currentThread().interrupt();
        try {
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> algebra.symmetricEigen(matrix, 600, new double[600], new double[0]));
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    @Timeout(30)
    void anInterruptedThreadDoesNotWaitForADecomposition() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread waits = new Thread(() -> {
            try {
                Waiting.call(() -> {
                    begun.countDown();
                    return awaited(end);
                });
            } catch (CancellationException e) {
                thrown.set(e);
            }
        });
        waits.start();
        try {
            begun.await();
            waits.interrupt();
            waits.join();
            assertThat(thrown.get()).isInstanceOf(CancellationException.class);
        } finally {
            end.countDown();
        }
    }

    private static boolean awaited(CountDownLatch latch) {
        try {
            latch.await();
            return true;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static double[] random(int count) {
        return new SplittableRandom(1).doubles(count, -1, 1).toArray();
    }
}
