package io.modscan.openblas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.model.LinearAlgebraContract;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

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

    @Test
    void anInterruptedThreadDoesNotWaitForADecomposition() {
        double[] matrix = random(600 * 600);
        Thread.currentThread().interrupt();
        try {
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> algebra.symmetricEigen(matrix, 600, new double[600], new double[0]));
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> Waiting.call(matrix, true, own -> "in vain"));
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    private static double[] random(int count) {
        return new SplittableRandom(1).doubles(count, -1, 1).toArray();
    }
}
