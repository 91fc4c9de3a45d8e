package io.modscan.onnx.internal.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.model.MatrixProduct;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OrtProductTest {

    private final MatrixProduct product = MatrixProduct.installed();

    private static double[] values(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return IntStream.range(0, count)
                .mapToDouble(i -> (float) random.nextDouble(-1, 1))
                .toArray();
    }

    private static DoubleBuffer direct(double[] values) {
        return ByteBuffer.allocateDirect(values.length * Double.BYTES)
                .order(ByteOrder.nativeOrder())
                .asDoubleBuffer()
                .put(0, values);
    }

    private static FloatBuffer floats(double[] values, boolean direct) {
        FloatBuffer floats = direct
                ? ByteBuffer.allocateDirect(values.length * Float.BYTES)
                        .order(ByteOrder.nativeOrder())
                        .asFloatBuffer()
                : FloatBuffer.allocate(values.length);
        for (int i = 0; i < values.length; i++) {
            floats.put(i, (float) values[i]);
        }
        return floats;
    }

    private static double[] expected(double[] a, double[] b, int inner) {
        int n = b.length / inner;
        double[] sums = new double[a.length / inner * n];
        for (int at = 0; at < sums.length; at++) {
            for (int k = 0; k < inner; k++) {
                sums[at] += a[at / n * inner + k] * b[at % n * inner + k];
            }
        }
        return sums;
    }

    @Test
    void isWhatTheServiceLoaderFinds() {
        assertThat(product).isInstanceOf(OrtProduct.class);
    }

    @ParameterizedTest
    @CsvSource({"1,1,1", "3,5,7", "64,1,33", "130,257,96"})
    void multipliesInBothPrecisionsOnAndOffTheHeap(int m, int n, int inner) {
        double[] a = values(m * inner, 1);
        double[] b = values(n * inner, 2);
        double[] expected = expected(a, b, inner);
        for (boolean direct : new boolean[] {true, false}) {
            DoubleBuffer twofold = direct ? direct(new double[m * n]) : DoubleBuffer.allocate(m * n);
            product.timesTransposed(
                    direct ? direct(a) : DoubleBuffer.wrap(a),
                    direct ? direct(b) : DoubleBuffer.wrap(b),
                    inner,
                    twofold);
            FloatBuffer single = floats(new double[m * n], direct);
            product.timesTransposed(floats(a, direct), floats(b, direct), inner, single);
            for (int i = 0; i < expected.length; i++) {
                assertThat(Math.abs(twofold.get(i) - expected[i])).isLessThan(1e-13 * inner);
                assertThat(Math.abs(single.get(i) - expected[i])).isLessThan(1e-7 * inner);
            }
        }
    }

    @Test
    void takesOneBufferForBothAndLeavesPositionsAlone() {
        double[] a = values(12, 3);
        DoubleBuffer both = direct(a).position(5);
        DoubleBuffer result = direct(new double[16]).limit(3);
        product.timesTransposed(both, both, 3, result);
        assertThat(both.position()).isEqualTo(5);
        assertThat(result.limit()).isEqualTo(3);
        double[] expected = expected(a, a, 3);
        result.clear();
        for (int i = 0; i < expected.length; i++) {
            assertThat(Math.abs(result.get(i) - expected[i])).isLessThan(1e-15);
        }
    }

    @Test
    void copiesTileByTile() {
        // More rows than a tile has, and columns, neither a multiple.
        int m = 1024 + 37;
        int n = 2 * 1024 + 5;
        double[] a = values(m * 3, 4);
        double[] b = values(n * 3, 5);
        double[] expected = expected(a, b, 3);
        DoubleBuffer twofold = DoubleBuffer.allocate(m * n);
        product.timesTransposed(DoubleBuffer.wrap(a), direct(b), 3, twofold);
        FloatBuffer single = FloatBuffer.allocate(m * n);
        product.timesTransposed(floats(a, true), floats(b, false), 3, single);
        double worst = 0;
        double worstSingle = 0;
        for (int i = 0; i < expected.length; i++) {
            worst = Math.max(worst, Math.abs(twofold.get(i) - expected[i]));
            worstSingle = Math.max(worstSingle, Math.abs(single.get(i) - expected[i]));
        }
        assertThat(worst).isLessThan(1e-15);
        assertThat(worstSingle).isLessThan(1e-6);
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> product.timesTransposed(
                        DoubleBuffer.allocate(6), DoubleBuffer.allocate(6), 3, DoubleBuffer.allocate(5)))
                .withMessageContaining("matrices of 6 and 6 values in rows of 3 have no product of 5 values");
    }
}
