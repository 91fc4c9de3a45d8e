package io.modscan.metrics.similarity;

import io.modscan.core.model.MatrixProduct;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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
    public Blocks blocks(MatrixProduct product, int blockSize, int width) {
        return new FloatBlocks(product, blockSize, width);
    }

    private final class FloatBlocks implements Blocks {
        private final MatrixProduct product;
        private final int blockSize;
        private final int width;
        private final FloatBuffer[] packed;
        private final FloatBuffer tile;

        FloatBlocks(MatrixProduct product, int blockSize, int width) {
            this.product = product;
            this.blockSize = blockSize;
            this.width = width;
            this.packed = new FloatBuffer[(rows.length + blockSize - 1) / blockSize];
            Arrays.setAll(packed, block -> direct(length(block) * width));
            this.tile = direct(blockSize * blockSize);
        }

        private static FloatBuffer direct(int values) {
            return ByteBuffer.allocateDirect(values * Float.BYTES)
                    .order(ByteOrder.nativeOrder())
                    .asFloatBuffer();
        }

        private int length(int block) {
            return Math.min(blockSize, rows.length - block * blockSize);
        }

        @Override
        public void pack(int prompt, double[] vector) {
            packed[prompt / blockSize].put(prompt % blockSize * width, rounded(vector));
        }

        @Override
        public void multiply(int top, int left) {
            product.timesTransposed(packed[top], packed[left], width, tile.slice(0, length(top) * length(left)));
        }

        @Override
        public void copyOut(int prompt, int from, Measure measure, double[] offsets) {
            float[] row = rows[prompt];
            int columns = length(from / blockSize);
            int to = Math.min(prompt + 1, from + columns);
            tile.get(prompt % blockSize * columns, row, from, to - from);
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
