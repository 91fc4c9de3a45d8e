package io.modscan.metrics.internal.linear;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.model.LinearAlgebraContract;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;

/** A contract that nothing breaks proves nothing: each clause catches an implementation that breaks it. */
class LinearAlgebraContractTest {

    /** Right in all, until something is overridden. */
    private static class Right implements LinearAlgebra {
        final LinearAlgebra right = new EjmlAlgebra();

        @Override
        public void timesTransposed(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product) {
            right.timesTransposed(a, b, inner, product);
        }

        @Override
        public void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
            right.timesTransposed(a, b, inner, product);
        }

        @Override
        public void symmetricEigen(double[] matrix, int width, double[] values, double[] vectors) {
            right.symmetricEigen(matrix, width, values, vectors);
        }

        @Override
        public void singular(double[] matrix, int rows, double[] values, double[] left, double[] right) {
            this.right.singular(matrix, rows, values, left, right);
        }

        @Override
        public int rank() {
            return 0;
        }
    }

    private static void expectBroken(LinearAlgebra algebra, String clause) {
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> LinearAlgebraContract.of(algebra).verify())
                .withMessageContaining(clause);
    }

    @Test
    void passesWhatKeepsIt() {
        LinearAlgebraContract.of(new Right()).verify();
    }

    @Test
    void catchesAProductThatIsOff() {
        expectBroken(
                new Right() {
                    @Override
                    public void timesTransposed(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product) {
                        super.timesTransposed(a, b, inner, product);
                        FloatBuffer whole = product.duplicate().clear();
                        whole.put(0, whole.get(0) * 1.001f);
                    }
                },
                "single precision");
    }

    @Test
    void catchesOneThatMovesAPosition() {
        expectBroken(
                new Right() {
                    @Override
                    public void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
                        super.timesTransposed(a, b, inner, product);
                        product.clear();
                    }
                },
                "position");
    }

    @Test
    void catchesOneThatOverwritesSums() {
        expectBroken(
                new Right() {
                    @Override
                    public void addColumnProducts(DoubleBuffer x, int width, DoubleBuffer sums) {
                        LinearAlgebra.checkColumnProducts(x.capacity(), width, sums.capacity());
                        for (int i = 0; i < sums.capacity(); i++) {
                            sums.put(i, 0);
                        }
                        super.addColumnProducts(x, width, sums);
                    }
                },
                "products of columns");
    }

    @Test
    void catchesValuesInTheWrongOrder() {
        expectBroken(
                new Right() {
                    @Override
                    public void symmetricEigen(double[] matrix, int width, double[] values, double[] vectors) {
                        super.symmetricEigen(matrix, width, values, vectors);
                        double first = values[0];
                        values[0] = values[values.length - 1];
                        values[values.length - 1] = first;
                    }
                },
                "descending order");
    }

    @Test
    void catchesVectorsThatAreNone() {
        expectBroken(
                new Right() {
                    @Override
                    public void singular(double[] matrix, int rows, double[] values, double[] left, double[] right) {
                        super.singular(matrix, rows, values, left, right);
                        if (right.length > 1) {
                            right[0] = right[1];
                        }
                    }
                },
                "not orthonormal");
    }

    @Test
    void catchesOneThatTakesWhatIsNoNumber() {
        expectBroken(
                new Right() {
                    @Override
                    public void symmetricEigen(double[] matrix, int width, double[] values, double[] vectors) {
                        for (int i = 0; i < matrix.length; i++) {
                            matrix[i] = Double.isFinite(matrix[i]) ? matrix[i] : 0;
                        }
                        super.symmetricEigen(matrix, width, values, vectors);
                    }
                },
                "NaN in it is not refused");
    }

    @Test
    void catchesASwallowedInterrupt() {
        expectBroken(
                new Right() {
                    @Override
                    public void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
                        Thread.interrupted();
                        super.timesTransposed(a, b, inner, product);
                    }
                },
                "interrupt was swallowed");
    }
}
