package io.modscan.core.model;

import static io.modscan.core.model.LinearAlgebraContract.check;
import static io.modscan.core.model.LinearAlgebraContract.near;
import static io.modscan.core.model.LinearAlgebraContract.refused;
import static io.modscan.core.model.LinearAlgebraContract.values;

import java.util.Arrays;

/** What decompositions must be: orthonormal vectors that give the matrix back, values in order. */
final class DecompositionProof {

    /** Times the largest value and the longer side: what rounding may amount to. */
    private static final double ROUNDING = 4e-15;

    private static final double[] NONE = {};

    private final LinearAlgebra algebra;

    DecompositionProof(LinearAlgebra algebra) {
        this.algebra = algebra;
    }

    void verify() {
        for (int width : new int[] {1, 2, 5, 33, 130}) {
            decompose(width);
        }
        double[] same = new double[20 * 20];
        for (int i = 0; i < 20; i++) {
            same[i * 20 + i] = i < 15 ? 2 : 0;
        }
        eigen(same, 20, "equal eigenvalues");
        eigen(new double[9 * 9], 9, "zeros");
        singular(new double[9 * 4], 9, "zeros");
        for (double scale : new double[] {0x1p-900, 0x1p900}) {
            eigen(times(symmetric(12), scale), 12, "entries near " + scale);
            singular(times(values(12 * 5, 3), scale), 12, "entries near " + scale);
        }
        // Three directions in seven.
        double[] flat = new double[20 * 7];
        double[] directions = values(3 * 7, 1);
        double[] shares = values(20 * 3, 2);
        for (int at = 0; at < flat.length; at++) {
            for (int k = 0; k < 3; k++) {
                flat[at] += shares[at / 7 * 3 + k] * directions[k * 7 + at % 7];
            }
        }
        singular(flat, 20, "a matrix of rank 3");
        refuse();
    }

    /** Of a size. */
    void decompose(int width) {
        eigen(symmetric(width), width, "a matrix of " + width + " rows");
        for (int rows : new int[] {1, width, 2 * width + 1, Math.max(1, width / 2)}) {
            singular(values(rows * width, rows), rows, "a matrix of " + rows + " × " + width);
        }
    }

    private static double[] symmetric(int width) {
        double[] matrix = values(width * width, width);
        for (int i = 0; i < width; i++) {
            for (int j = 0; j < i; j++) {
                matrix[j * width + i] = matrix[i * width + j];
            }
        }
        return matrix;
    }

    private static double[] times(double[] values, double factor) {
        return Arrays.stream(values).map(value -> value * factor).toArray();
    }

    private void eigen(double[] matrix, int width, String what) {
        double[] all = new double[width];
        double[] vectors = new double[width * width];
        algebra.symmetricEigen(matrix.clone(), width, all, vectors);
        double largest = Math.max(Math.abs(all[0]), Math.abs(all[width - 1]));
        double most = ROUNDING * width * largest;
        checkOrder(all, what);
        checkOrthonormal(vectors, width, what);
        checkEigen(matrix, width, all, vectors, most, "A·v for an eigenvector of " + what);
        for (int k : new int[] {1, (width + 1) / 2, width}) {
            double[] some = new double[k];
            double[] ofSome = new double[k * width];
            algebra.symmetricEigen(matrix.clone(), width, some, ofSome);
            checkOrthonormal(ofSome, width, k + " eigenvectors of " + what);
            checkEigen(matrix, width, some, ofSome, most, "A·v for one of " + k + " eigenvectors of " + what);
            double[] alone = new double[k];
            algebra.symmetricEigen(matrix.clone(), width, alone, NONE);
            for (int i = 0; i < k; i++) {
                near(some[i], all[i], most, "eigenvalue " + i + " of " + k + " of " + what);
                near(alone[i], all[i], most, "eigenvalue " + i + " without vectors of " + what);
            }
        }
    }

    /** A·v = λ·v. */
    private static void checkEigen(
            double[] matrix, int width, double[] values, double[] vectors, double most, String what) {
        for (int v = 0; v < values.length; v++) {
            for (int i = 0; i < width; i++) {
                double sum = 0;
                for (int j = 0; j < width; j++) {
                    sum += matrix[i * width + j] * vectors[v * width + j];
                }
                near(sum, values[v] * vectors[v * width + i], most, what);
            }
        }
    }

    private void singular(double[] matrix, int rows, String what) {
        int columns = matrix.length / rows;
        int count = Math.min(rows, columns);
        double[] all = new double[count];
        double[] left = new double[count * rows];
        double[] right = new double[count * columns];
        algebra.singular(matrix.clone(), rows, all, left, right);
        double most = ROUNDING * Math.max(rows, columns) * all[0];
        checkOrder(all, what);
        check(all[count - 1] >= 0, "a singular value is negative: " + what);
        checkOrthonormal(left, rows, "left, " + what);
        checkOrthonormal(right, columns, "right, " + what);
        String product = "what singular values and vectors give of " + what;
        for (int at = 0; at < matrix.length; at++) {
            double sum = 0;
            for (int k = 0; k < count; k++) {
                sum += all[k] * left[k * rows + at / columns] * right[k * columns + at % columns];
            }
            near(sum, matrix[at], most, product);
        }
        int k = (count + 1) / 2;
        double[] some = new double[k];
        double[] onlyRight = new double[k * columns];
        algebra.singular(matrix.clone(), rows, some, NONE, onlyRight);
        checkOrthonormal(onlyRight, columns, "right only, " + what);
        double[] onlyLeft = new double[k * rows];
        algebra.singular(matrix.clone(), rows, new double[k], onlyLeft, NONE);
        checkOrthonormal(onlyLeft, rows, "left only, " + what);
        double[] alone = new double[count];
        algebra.singular(matrix.clone(), rows, alone, NONE, NONE);
        for (int i = 0; i < count; i++) {
            near(alone[i], all[i], most, "singular value " + i + " without vectors of " + what);
        }
        for (int i = 0; i < k; i++) {
            near(some[i], all[i], most, "singular value " + i + " of some of " + what);
            near(length(matrix, rows, onlyRight, i, true), all[i], most, "|A·v| for " + i + " of " + what);
            near(length(matrix, rows, onlyLeft, i, false), all[i], most, "|Aᵀ·u| for " + i + " of " + what);
        }
    }

    private static double length(double[] matrix, int rows, double[] vectors, int which, boolean right) {
        int columns = matrix.length / rows;
        double[] image = new double[right ? rows : columns];
        for (int at = 0; at < matrix.length; at++) {
            int row = at / columns;
            int column = at % columns;
            image[right ? row : column] += matrix[at] * vectors[right ? which * columns + column : which * rows + row];
        }
        return Arrays.stream(image).reduce(0, Math::hypot);
    }

    private static void checkOrder(double[] values, String what) {
        for (int i = 1; i < values.length; i++) {
            check(values[i] <= values[i - 1], "values are not in descending order: " + what);
        }
    }

    private static void checkOrthonormal(double[] vectors, int length, String what) {
        int count = vectors.length / length;
        String message = "vectors that are not orthonormal: " + what;
        for (int i = 0; i < count; i++) {
            for (int j = 0; j <= i; j++) {
                double sum = 0;
                for (int k = 0; k < length; k++) {
                    sum += vectors[i * length + k] * vectors[j * length + k];
                }
                near(sum, i == j ? 1 : 0, ROUNDING * length, message);
            }
        }
    }

    private void refuse() {
        refused("no square", () -> algebra.symmetricEigen(new double[6], 2, new double[2], NONE));
        refused("more values than there are", () -> algebra.symmetricEigen(new double[4], 2, new double[3], NONE));
        refused("no values", () -> algebra.symmetricEigen(new double[4], 2, NONE, NONE));
        refused("no room", () -> algebra.symmetricEigen(new double[4], 2, new double[2], new double[3]));
        refused("half a row", () -> algebra.singular(new double[7], 2, new double[2], NONE, NONE));
        refused("too many", () -> algebra.singular(new double[8], 2, new double[3], NONE, NONE));
        refused("no room at the left", () -> algebra.singular(new double[8], 2, new double[2], new double[3], NONE));
        refused("no room at the right", () -> algebra.singular(new double[8], 2, new double[2], NONE, new double[3]));
        for (double bad : new double[] {Double.NaN, Double.NEGATIVE_INFINITY}) {
            refused(
                    bad + " in it",
                    () -> algebra.symmetricEigen(new double[] {1, bad, bad, 1}, 2, new double[2], NONE));
            refused(bad + " in it", () -> algebra.singular(new double[] {1, bad}, 1, new double[1], NONE, NONE));
        }
    }
}
