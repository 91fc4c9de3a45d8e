package io.modscan.metrics.similarity;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.DirectBuffers;
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
    public Blocks blocks(LinearAlgebra product, int blockSize, int width) {
        return new DoubleBlocks(product, blockSize, width);
    }

    private final class DoubleBlocks extends Blocks {
        private final LinearAlgebra product;
        private final DoubleBuffer[] packed;
        private final DoubleBuffer tile;

        DoubleBlocks(LinearAlgebra product, int blockSize, int width) {
            super(rows.length, blockSize, width);
            this.product = product;
            this.packed = new DoubleBuffer[count()];
            Arrays.setAll(packed, block -> DirectBuffers.doubles((long) length(block) * width));
            this.tile = DirectBuffers.doubles((long) blockSize * blockSize);
        }

        @Override
        void pack(int prompt, double[] vector) {
            packed[prompt / blockSize].put(prompt % blockSize * width, vector);
        }

        @Override
        void multiply(int top, int left) {
            product.timesTransposed(packed[top], packed[left], width, tile.slice(0, length(top) * length(left)));
        }

        @Override
        void copyOut(int prompt, int at, int from, int to, Measure measure, double[] offsets) {
            double[] row = rows[prompt];
            tile.get(at, row, from, to - from);
            double offset = offsets[prompt];
            for (int j = from; j < to; j++) {
                row[j] = measure.of(row[j], offset, offsets[j]);
            }
        }
    }
}
