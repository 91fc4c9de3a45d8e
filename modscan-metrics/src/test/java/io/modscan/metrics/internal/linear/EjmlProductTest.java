package io.modscan.metrics.internal.linear;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.model.MatrixProduct;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EjmlProductTest {

    private final MatrixProduct product = MatrixProduct.installed();

    @Test
    void isWhatTheServiceLoaderFindsWithoutAFasterOne() {
        assertThat(product).isInstanceOf(EjmlProduct.class);
    }

    @ParameterizedTest
    @CsvSource({"1,1,1", "3,5,7", "64,1,33", "130,257,96"})
    void multipliesInBothPrecisions(int m, int n, int inner) {
        SplittableRandom random = new SplittableRandom(m);
        double[] a = random.doubles((long) m * inner, -1, 1)
                .map(value -> (float) value)
                .toArray();
        double[] b = random.doubles((long) n * inner, -1, 1)
                .map(value -> (float) value)
                .toArray();
        DoubleBuffer twofold = ByteBuffer.allocateDirect(8 * m * n).asDoubleBuffer();
        product.timesTransposed(DoubleBuffer.wrap(a), DoubleBuffer.wrap(b), inner, twofold);
        FloatBuffer single = FloatBuffer.allocate(m * n);
        product.timesTransposed(floats(a), floats(b), inner, single);
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int k = 0; k < inner; k++) {
                    sum += a[i * inner + k] * b[j * inner + k];
                }
                assertThat(Math.abs(twofold.get(i * n + j) - sum)).isLessThan(1e-13);
                assertThat(Math.abs(single.get(i * n + j) - sum)).isLessThan(1e-6);
            }
        }
    }

    private static FloatBuffer floats(double[] values) {
        FloatBuffer floats = FloatBuffer.allocate(values.length);
        for (int i = 0; i < values.length; i++) {
            floats.put(i, (float) values[i]);
        }
        return floats;
    }
}
