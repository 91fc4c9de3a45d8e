package io.modscan.metrics.similarity;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.DirectBuffers;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** A symmetric matrix in single precision. */
final class FloatTriangle implements Triangle {

    private final float[][] rows;

    FloatTriangle(int size) {
        this.rows = new float[size][];
        // In parallel, since the pages of a large matrix are cleared now.
        Arrays.parallelSetAll(rows, i -> new float[i + 1]);
    }

    @Override
    public double get(int i, int j) {
        return i >= j ? rows[i][j] : rows[j][i];
    }

    @Override
    public void set(int i, int j, double value) {
        rows[i][j] = (float) value;
    }

    @Override
    public Blocks blocks(LinearAlgebra product, int blockSize, int width) {
        return new FloatBlocks(product, blockSize, width);
    }

    private final class FloatBlocks extends Blocks {
        private final LinearAlgebra product;
        private final FloatBuffer[] packed;
        private final FloatBuffer tile;

        FloatBlocks(LinearAlgebra product, int blockSize, int width) {
            super(rows.length, blockSize, width);
            this.product = product;
            this.packed = new FloatBuffer[count()];
            Arrays.setAll(packed, block -> DirectBuffers.floats((long) length(block) * width));
            this.tile = DirectBuffers.floats((long) blockSize * blockSize);
        }

        @Override
        void pack(int prompt, double[] vector) {
            packed[prompt / blockSize].put(prompt % blockSize * width, rounded(vector));
        }

        @Override
        void multiply(int top, int left) {
            product.timesTransposed(packed[top], packed[left], width, tile.slice(0, length(top) * length(left)));
        }

        @Override
        void copyOut(int prompt, int at, int from, int to, Measure measure, double[] offsets) {
            float[] row = rows[prompt];
            tile.get(at, row, from, to - from);
            double offset = offsets[prompt];
            for (int j = from; j < to; j++) {
                row[j] = (float) measure.unbounded(row[j], offset, offsets[j]);
            }
            // A loop of its own, since in one precision it is vectorised.
            for (int j = from; j < to; j++) {
                row[j] = Math.max(-1, Math.min(1, row[j]));
            }
        }
    }

    private static float[] rounded(double[] values) {
        float[] rounded = new float[values.length];
        for (int i = 0; i < rounded.length; i++) {
            rounded[i] = (float) values[i];
        }
        return rounded;
    }
}
