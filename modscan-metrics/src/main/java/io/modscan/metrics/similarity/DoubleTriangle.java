package io.modscan.metrics.similarity;

import io.modscan.core.model.MatrixProduct;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.util.Arrays;

/** A symmetric matrix in double precision. */
final class DoubleTriangle implements Triangle {

    private final double[][] rows;

    DoubleTriangle(int size) {
        this.rows = new double[size][];
        // In parallel, since the pages of a large matrix are cleared now.
        Arrays.parallelSetAll(rows, i -> new double[i + 1]);
    }

    @Override
    public double get(int i, int j) {
        return i >= j ? rows[i][j] : rows[j][i];
    }

    @Override
    public void set(int i, int j, double value) {
        rows[i][j] = value;
    }

    @Override
    public Blocks blocks(MatrixProduct product, int blockSize, int width) {
        return new DoubleBlocks(product, blockSize, width);
    }

    private final class DoubleBlocks implements Blocks {
        private final MatrixProduct product;
        private final int blockSize;
        private final int width;
        private final DoubleBuffer[] packed;
        private final DoubleBuffer tile;

        DoubleBlocks(MatrixProduct product, int blockSize, int width) {
            this.product = product;
            this.blockSize = blockSize;
            this.width = width;
            this.packed = new DoubleBuffer[(rows.length + blockSize - 1) / blockSize];
            Arrays.setAll(packed, block -> direct(length(block) * width));
            this.tile = direct(blockSize * blockSize);
        }

        private static DoubleBuffer direct(int values) {
            return ByteBuffer.allocateDirect(values * Double.BYTES)
                    .order(ByteOrder.nativeOrder())
                    .asDoubleBuffer();
        }

        private int length(int block) {
            return Math.min(blockSize, rows.length - block * blockSize);
        }

        @Override
        public void pack(int prompt, double[] vector) {
            packed[prompt / blockSize].put(prompt % blockSize * width, vector);
        }

        @Override
        public void multiply(int top, int left) {
            product.timesTransposed(packed[top], packed[left], width, tile.slice(0, length(top) * length(left)));
        }

        @Override
        public void copyOut(int prompt, int from, Measure measure, double[] offsets) {
            double[] row = rows[prompt];
            int columns = length(from / blockSize);
            int to = Math.min(prompt + 1, from + columns);
            tile.get(prompt % blockSize * columns, row, from, to - from);
            double offset = offsets[prompt];
            for (int j = from; j < to; j++) {
                row[j] = measure.of(row[j], offset, offsets[j]);
            }
        }
    }
}
