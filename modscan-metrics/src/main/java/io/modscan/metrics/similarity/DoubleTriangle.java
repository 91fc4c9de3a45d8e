package io.modscan.metrics.similarity;

import java.util.Arrays;

/** A symmetric matrix in double precision. */
final class DoubleTriangle implements Triangle {

    private final double[][] rows;

    DoubleTriangle(int size) {
        this.rows = new double[size][];
        Arrays.setAll(rows, i -> new double[i + 1]);
    }

    @Override
    public double get(int i, int j) {
        return i >= j ? rows[i][j] : rows[j][i];
    }

    @Override
    public void set(int i, int j, double value) {
        rows[i][j] = value;
    }
}
