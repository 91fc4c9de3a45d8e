package io.modscan.metrics.similarity;

import java.util.Arrays;

/** A symmetric matrix in single precision. */
final class FloatTriangle implements Triangle {

    private final float[][] rows;

    FloatTriangle(int size) {
        this.rows = new float[size][];
        Arrays.setAll(rows, i -> new float[i + 1]);
    }

    @Override
    public double get(int i, int j) {
        return i >= j ? rows[i][j] : rows[j][i];
    }

    @Override
    public void set(int i, int j, double value) {
        rows[i][j] = (float) value;
    }
}
