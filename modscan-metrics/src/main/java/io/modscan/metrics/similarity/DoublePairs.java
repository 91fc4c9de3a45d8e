package io.modscan.metrics.similarity;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.DirectBuffers;
import java.nio.DoubleBuffer;
import java.util.Arrays;

/** Pairs whose products are in double precision. */
final class DoublePairs extends ProductPairs {

    private DoubleBuffer[] packed;
    private final DoubleBuffer[][] tiles;

    DoublePairs(int blockSize, int width, Measure measure, double[] offsets, double[] selves) {
        super(blockSize, width, measure, offsets, selves);
        this.packed = new DoubleBuffer[count()];
        Arrays.setAll(packed, block -> DirectBuffers.doubles((long) length(block) * width));
        this.tiles = new DoubleBuffer[count()][];
    }

    @Override
    void pack(int prompt, double[] vector) {
        packed[prompt / blockSize].put(prompt % blockSize * width, vector);
    }

    @Override
    void makeRoom(int top) {
        DoubleBuffer[] row = new DoubleBuffer[top + 1];
        Arrays.setAll(row, left -> DirectBuffers.doubles((long) length(top) * length(left)));
        tiles[top] = row;
    }

    @Override
    void multiply(LinearAlgebra algebra, int top, int left) {
        algebra.timesTransposed(packed[top], packed[left], width, tiles[top][left]);
    }

    @Override
    void unpack() {
        packed = new DoubleBuffer[0];
    }

    @Override
    double product(int top, int left, int at) {
        return tiles[top][left].get(at);
    }

    @Override
    double rounded(double similarity) {
        return similarity;
    }
}
