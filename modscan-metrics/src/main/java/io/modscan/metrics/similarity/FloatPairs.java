package io.modscan.metrics.similarity;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.DirectBuffers;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** Pairs whose products are in single precision. */
final class FloatPairs extends ProductPairs {

    private FloatBuffer[] packed;
    private final FloatBuffer[][] tiles;

    FloatPairs(int blockSize, int width, Measure measure, double[] offsets, double[] selves) {
        super(blockSize, width, measure, offsets, selves);
        this.packed = new FloatBuffer[count()];
        Arrays.setAll(packed, block -> DirectBuffers.floats((long) length(block) * width));
        this.tiles = new FloatBuffer[count()][];
    }

    @Override
    void pack(int prompt, double[] vector) {
        packed[prompt / blockSize].put(prompt % blockSize * width, narrowed(vector));
    }

    @Override
    void makeRoom(int top) {
        FloatBuffer[] row = new FloatBuffer[top + 1];
        Arrays.setAll(row, left -> DirectBuffers.floats((long) length(top) * length(left)));
        tiles[top] = row;
    }

    @Override
    void multiply(LinearAlgebra algebra, int top, int left) {
        algebra.timesTransposed(packed[top], packed[left], width, tiles[top][left]);
    }

    @Override
    void unpack() {
        packed = new FloatBuffer[0];
    }

    @Override
    double product(int top, int left, int at) {
        return tiles[top][left].get(at);
    }

    @Override
    double rounded(double similarity) {
        return (float) similarity;
    }

    private static float[] narrowed(double[] values) {
        float[] narrowed = new float[values.length];
        for (int i = 0; i < narrowed.length; i++) {
            narrowed[i] = (float) values[i];
        }
        return narrowed;
    }
}
