package io.modscan.core.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Proves that an implementation keeps the contract of {@link LinearAlgebra}: for a test of one's own, in any test framework.
 *
 * <pre>{@code
 * LinearAlgebraContract.of(new MyAlgebra()).verify();
 * }</pre>
 */
public final class LinearAlgebraContract {

    /** m, n, inner: small ones, odd ones, and some beyond a tile. */
    private static final int[][] SHAPES = {
        {1, 1, 1}, {3, 5, 7}, {64, 1, 33}, {1, 40, 3}, {130, 257, 96}, {1030, 2053, 3}
    };

    private final LinearAlgebra algebra;
    private boolean decomposes = true;

    private LinearAlgebraContract(LinearAlgebra algebra) {
        this.algebra = algebra;
    }

    /**
     * Begins a proof.
     *
     * @param algebra the implementation
     * @return a proof
     */
    public static LinearAlgebraContract of(LinearAlgebra algebra) {
        return new LinearAlgebraContract(Objects.requireNonNull(algebra, "algebra"));
    }

    /**
     * Leaves decompositions out: for an implementation that only multiplies, where none that decomposes is on the class path.
     *
     * @return this
     */
    public LinearAlgebraContract productsOnly() {
        this.decomposes = false;
        return this;
    }

    /**
     * Tries the implementation: products in both precisions, of matrices on the heap, in direct memory and in a slice of it, in native order and
     * another, also of one buffer with itself, and of no rows, with positions left alone; a value that is not finite touches what it belongs to only; products of
     * columns; eigenvalues and singular values with their vectors, all and some, of matrices without full rank, with equal values, of zeros, and of
     * very small and large numbers; sizes that don't fit and, where it decomposes, NaN are refused; an interrupted thread gets a {@link
     * CancellationException} or the right result, and stays interrupted; many threads at once get what one gets. What the
     * implementation leaves to the next in rank is tried with that. Takes seconds.
     *
     * @throws AssertionError if one of these does not hold; its message says which
     */
    public void verify() {
        for (int[] shape : SHAPES) {
            multiply(shape[0], shape[1], shape[2]);
        }
        multiplyNothing();
        leaveAlone();
        addColumnProducts();
        refuse();
        DecompositionProof proof = new DecompositionProof(algebra);
        if (decomposes) {
            proof.verify();
        }
        interrupt();
        IntStream.range(0, 16).parallel().forEach(i -> {
            multiply(60 + i, 70, 80);
            if (decomposes) {
                proof.decompose(20 + i);
            }
        });
    }

    /** How a matrix is handed over. */
    private enum Place {
        HEAP,
        DIRECT,
        SLICE,
        OTHER_ORDER;

        DoubleBuffer doubles(double[] values) {
            if (this == HEAP) {
                return DoubleBuffer.wrap(values.clone());
            }
            return bytes(values.length, Double.BYTES).asDoubleBuffer().put(0, values);
        }

        FloatBuffer floats(double[] values) {
            FloatBuffer floats = this == HEAP
                    ? FloatBuffer.allocate(values.length)
                    : bytes(values.length, Float.BYTES).asFloatBuffer();
            for (int i = 0; i < values.length; i++) {
                floats.put(i, (float) values[i]);
            }
            return floats;
        }

        private ByteBuffer bytes(int values, int size) {
            int before = this == SLICE ? 3 * size : 0;
            return ByteBuffer.allocateDirect(before + values * size)
                    .slice(before, values * size)
                    .order(this == OTHER_ORDER ? other() : ByteOrder.nativeOrder());
        }

        private static ByteOrder other() {
            return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
        }
    }

    private void multiply(int m, int n, int inner) {
        double[] a = values(m * inner, m);
        double[] b = values(n * inner, n + 1);
        double[] expected = expected(a, b, inner);
        for (Place place : Place.values()) {
            DoubleBuffer twofold = place.doubles(nans(m * n)).position(m * n);
            DoubleBuffer left = place.doubles(a).limit(1);
            algebra.timesTransposed(left, place.doubles(b), inner, twofold);
            check(left.limit() == 1 && twofold.position() == m * n, "a position or limit was moved: " + place);
            FloatBuffer single = place.floats(nans(m * n)).position(1);
            algebra.timesTransposed(place.floats(a), place.floats(b), inner, single);
            check(single.position() == 1, "a position was moved: " + place);
            String what = m + " × " + inner + " times " + inner + " × " + n + " on " + place;
            twofold.clear();
            near(twofold::get, expected, 1e-15 * inner, "double precision, " + what);
            single.clear();
            near(single::get, expected, 2e-7 * inner, "single precision, " + what);
        }
        DoubleBuffer both = Place.DIRECT.doubles(a);
        DoubleBuffer square = Place.DIRECT.doubles(nans(m * m));
        algebra.timesTransposed(both, both, inner, square);
        FloatBuffer one = Place.DIRECT.floats(a);
        FloatBuffer single = Place.DIRECT.floats(nans(m * m));
        algebra.timesTransposed(one, one, inner, single);
        double[] ofBoth = expected(a, a, inner);
        near(square::get, ofBoth, 1e-15 * inner, "one buffer with itself");
        near(single::get, ofBoth, 2e-7 * inner, "one buffer with itself, in single precision");
    }

    private void multiplyNothing() {
        algebra.timesTransposed(
                Place.DIRECT.floats(values(6, 1)),
                Place.DIRECT.floats(new double[0]),
                3,
                Place.DIRECT.floats(new double[0]));
        algebra.timesTransposed(
                DoubleBuffer.wrap(new double[0]), DoubleBuffer.wrap(values(6, 1)), 3, DoubleBuffer.wrap(new double[0]));
    }

    private void leaveAlone() {
        double[] a = values(30 * 20, 1);
        double[] b = values(25 * 20, 2);
        double[] expected = expected(a, b, 20);
        for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            double[] with = a.clone();
            with[7 * 20 + 3] = bad;
            DoubleBuffer product = Place.DIRECT.doubles(nans(30 * 25));
            algebra.timesTransposed(Place.DIRECT.doubles(with), Place.DIRECT.doubles(b), 20, product);
            for (int i = 0; i < expected.length; i++) {
                if (i / 25 != 7) {
                    near(product.get(i), expected[i], 1e-13, bad + " in another row, at " + i);
                }
            }
            int rows = 90;
            double[] many = values(rows * 20, 3);
            double[] ofMany = expected(many, many, 20);
            many[7 * 20 + 3] = bad;
            DoubleBuffer both = Place.DIRECT.doubles(many);
            DoubleBuffer square = Place.DIRECT.doubles(nans(rows * rows));
            algebra.timesTransposed(both, both, 20, square);
            for (int i = 0; i < ofMany.length; i++) {
                if (i / rows != 7 && i % rows != 7) {
                    near(square.get(i), ofMany[i], 1e-13, bad + " in another row of the same matrix, at " + i);
                }
            }
        }
    }

    private void addColumnProducts() {
        for (int[] shape : new int[][] {{1, 1}, {7, 3}, {3, 7}, {1030, 40}}) {
            int rows = shape[0];
            int width = shape[1];
            double[] x = values(rows * width, rows);
            for (Place place : Place.values()) {
                double[] before = values(width * width, 5);
                DoubleBuffer sums = place.doubles(before);
                algebra.addColumnProducts(place.doubles(x), width, sums);
                for (int i = 0; i < width; i++) {
                    for (int j = 0; j <= i; j++) {
                        double sum = before[i * width + j];
                        for (int k = 0; k < rows; k++) {
                            sum += x[k * width + i] * x[k * width + j];
                        }
                        near(sums.get(i * width + j), sum, 1e-15 * rows + 1e-15, "products of columns " + i + ", " + j);
                    }
                }
            }
        }
    }

    private void refuse() {
        refused(
                "a product of another size",
                () -> algebra.timesTransposed(
                        DoubleBuffer.allocate(6), DoubleBuffer.allocate(6), 3, DoubleBuffer.allocate(5)));
        refused(
                "rows of no length",
                () -> algebra.timesTransposed(
                        FloatBuffer.allocate(6), FloatBuffer.allocate(6), 0, FloatBuffer.allocate(4)));
        refused(
                "rows that don't fill a matrix",
                () -> algebra.timesTransposed(
                        FloatBuffer.allocate(6), FloatBuffer.allocate(7), 3, FloatBuffer.allocate(4)));
        refused(
                "sums of another size",
                () -> algebra.addColumnProducts(DoubleBuffer.allocate(6), 3, DoubleBuffer.allocate(6)));
    }

    private void interrupt() {
        double[] a = values(700 * 300, 1);
        DoubleBuffer product = Place.DIRECT.doubles(nans(700 * 700));
        FloatBuffer single = Place.DIRECT.floats(nans(700 * 700));
        List<Runnable> calls = new ArrayList<>();
        calls.add(() -> {
            DoubleBuffer both = Place.DIRECT.doubles(a);
            algebra.timesTransposed(both, both, 300, product);
            near(product.get(5), expected(a, a, 300)[5], 1e-12, "a product by an interrupted thread");
        });
        calls.add(() -> {
            FloatBuffer both = Place.HEAP.floats(a);
            algebra.timesTransposed(both, both, 300, single);
            near(single.get(5), expected(a, a, 300)[5], 1e-4, "a product by an interrupted thread");
        });
        calls.add(
                () -> algebra.addColumnProducts(Place.HEAP.doubles(a), 300, Place.HEAP.doubles(new double[300 * 300])));
        if (decomposes) {
            calls.add(() -> new DecompositionProof(algebra).decompose(90));
        }
        for (Runnable call : calls) {
            boolean kept;
            Thread.currentThread().interrupt();
            try {
                call.run();
            } catch (CancellationException asDocumented) {
                // A result is not wanted.
            } finally {
                kept = Thread.interrupted(); // ours, which nobody else is to see
            }
            check(kept, "the interrupt was swallowed");
        }
    }

    static double[] values(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        // As floats, so that they are the same in both precisions.
        return IntStream.range(0, count)
                .mapToDouble(i -> (float) random.nextDouble(-1, 1))
                .toArray();
    }

    private static double[] nans(int count) {
        double[] nans = new double[count];
        Arrays.fill(nans, Double.NaN);
        return nans;
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

    static void refused(String what, Runnable call) {
        try {
            call.run();
        } catch (IllegalArgumentException asDocumented) {
            return;
        }
        throw new AssertionError(what + " is not refused by an IllegalArgumentException");
    }

    private static void near(IntToDoubleFunction values, double[] expected, double most, String what) {
        for (int i = 0; i < expected.length; i++) {
            double value = values.applyAsDouble(i);
            // The message of millions of values that are right is not needed.
            if (!(Math.abs(value - expected[i]) <= most)) {
                near(value, expected[i], most, what + ", at " + i);
            }
        }
    }

    static void near(double value, double expected, double most, String what) {
        if (!(Math.abs(value - expected) <= most)) {
            throw new AssertionError(what + ": " + value + " where " + expected + " is expected");
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
