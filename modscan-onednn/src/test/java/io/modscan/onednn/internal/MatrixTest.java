package io.modscan.onednn.internal;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products of the shapes of real networks are those of plain Java, for any number of rows: not all kernels of oneDNN are right. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class MatrixTest {

    private static final int[] ROWS = {1, 2, 7, 15, 16, 17, 24, 37, 64, 100, 300};

    private final Workspaces workspaces = new Workspaces(2);
    private final SplittableRandom random = new SplittableRandom(2026);

    /** Values that bfloat16 has, so that products in it are exact but for their sums. */
    private float[] values(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (random.nextInt(255) - 127) / 64f;
        }
        return values;
    }

    private static Memory memory(float[] values) {
        Memory memory = new Memory((long) Float.BYTES * values.length);
        memory.write(0, values, 0, values.length);
        return memory;
    }

    @ParameterizedTest
    @CsvSource({"768, 768", "768, 3072", "3072, 768", "256, 1024", "64, 64"})
    void productsAreThoseOfPlainJava(int inner, int columns) {
        check(Dnnl.F32, inner, columns, 2);
        if (DnnlLibrary.get().computesBfloat16()) {
            check(Dnnl.BF16, inner, columns, 2);
        }
    }

    /** Kernels for one number of threads are not taken for another. */
    @ParameterizedTest
    @CsvSource({"1", "3", "1"})
    void anyNumberOfThreadsWillDo(int threads) {
        check(Dnnl.F32, 768, 768, threads);
    }

    /** oneDNN's own ReLU makes 0 of NaN. */
    @Test
    void reluHidesNothing() {
        int inner = 64;
        float[] weights = values(inner * inner);
        weights[5 * inner + 3] = Float.NaN;
        float[] bias = new float[inner];
        bias[7] = Float.POSITIVE_INFINITY;
        float[] x = values(16 * inner);
        Workspace workspace = workspaces.take();
        for (int type : DnnlLibrary.get().computesBfloat16() ? new int[] {Dnnl.F32, Dnnl.BF16} : new int[] {Dnnl.F32}) {
            try (Memory stored = memory(weights);
                    Memory vector = memory(bias);
                    Memory source = memory(x);
                    Memory into = new Memory((long) Float.BYTES * x.length);
                    Matrix matrix = new Matrix(
                            workspace,
                            type,
                            inner,
                            true,
                            List.of(new Matrix.Stored(
                                    Pointer.nativeValue(stored), Dnnl.F32, inner, Pointer.nativeValue(vector))))) {
                multiply(workspace, matrix, 16, source, into, true, 0);
                for (int i = 0; i < x.length; i++) {
                    float value = into.getFloat((long) Float.BYTES * i);
                    if (i % inner == 5) {
                        assertThat(value).isNaN();
                    } else if (i % inner == 7) {
                        assertThat(value).isEqualTo(Float.POSITIVE_INFINITY);
                    } else {
                        assertThat(Float.floatToRawIntBits(value))
                                .as("what is neither negative nor −0: " + value)
                                .isGreaterThanOrEqualTo(0);
                    }
                }
            }
        }
        workspaces.giveBack(workspace);
    }

    private void check(int type, int inner, int columns, int threads) {
        Workspaces ofThreads = threads == 2 ? workspaces : new Workspaces(threads);
        Workspace workspace = ofThreads.take();
        float[] weights = values(inner * columns);
        float[] bias = values(columns);
        try (Memory stored = memory(weights);
                Memory vector = memory(bias);
                Matrix matrix = new Matrix(
                        workspace,
                        type,
                        inner,
                        true,
                        List.of(new Matrix.Stored(
                                Pointer.nativeValue(stored), Dnnl.F32, columns, Pointer.nativeValue(vector))))) {
            for (int rows : ROWS) {
                check(workspace, matrix, weights, bias, rows, inner);
            }
        } finally {
            ofThreads.giveBack(workspace);
        }
    }

    private void check(Workspace workspace, Matrix matrix, float[] weights, float[] bias, int rows, int inner) {
        int columns = bias.length;
        float[] x = values(rows * inner);
        float[] residual = values(rows * columns);
        try (Memory source = memory(x);
                Memory added = memory(residual);
                Memory plain = new Memory((long) Float.BYTES * rows * columns);
                Memory positive = new Memory((long) Float.BYTES * rows * columns);
                Memory summed = new Memory((long) Float.BYTES * rows * columns)) {
            multiply(workspace, matrix, rows, source, plain, false, 0);
            multiply(workspace, matrix, rows, source, positive, true, 0);
            multiply(workspace, matrix, rows, source, summed, false, Pointer.nativeValue(added));
            for (int row = 0; row < rows; row++) {
                // Some of the columns: all of them would take plain Java long.
                for (int column = row % 13; column < columns; column += 13) {
                    double expected = bias[column];
                    for (int i = 0; i < inner; i++) {
                        expected += (double) x[row * inner + i] * weights[column * inner + i];
                    }
                    long at = (long) Float.BYTES * (row * columns + column);
                    double tolerance = 1e-6 * inner;
                    String what = "row " + row + " of " + rows + ", column " + column;
                    assertThat(Math.abs(plain.getFloat(at) - expected)).as(what).isLessThan(tolerance);
                    assertThat(Math.abs(positive.getFloat(at) - Math.max(0, expected)))
                            .as(what + ", ReLU")
                            .isLessThan(tolerance);
                    assertThat(Math.abs(summed.getFloat(at) - expected - residual[row * columns + column]))
                            .as(what + ", with a residual")
                            .isLessThan(tolerance);
                }
            }
        }
    }

    private static void multiply(
            Workspace workspace, Matrix matrix, int rows, Memory x, Memory into, boolean relu, long residual) {
        matrix.multiply(
                workspace,
                rows,
                Pointer.nativeValue(x),
                new Matrix.Target(Pointer.nativeValue(into), Dnnl.F32, relu, residual));
    }
}
