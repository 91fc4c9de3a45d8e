package io.modscan.metrics.similarity;

import io.modscan.core.model.LinearAlgebra;
import java.util.stream.IntStream;

/**
 * The similarities of all pairs of prompts by products of blocks of vectors. A product stays where it was put, outside the heap; the
 * similarity is made of it when it is asked for, which saves the time in which as much memory again is read and written.
 */
abstract class ProductPairs implements Pairs {

    /** Rows of a tile at most: few enough for the upper half not to be computed in vain, enough for a product's full speed. */
    private static final int MOST = 1024;

    /** Values of a block at most, unless it is a single vector. */
    private static final int MOST_VALUES = 1 << 23;

    private final int size;
    final int blockSize;
    final int width;
    private final Measure measure;
    private final double[] offsets;
    private final double[] selves;
    /** Of each prompt, so that nothing is divided for a pair. */
    private final int[] blocks;

    private final int[] places;

    /**
     * Prepares for vectors.
     *
     * @param blockSize how many of them a block holds
     * @param width     the number of their values
     * @param offsets   what is taken off a product for each of its two prompts, by {@link Measure#of}
     * @param selves    the similarity of each prompt with itself
     */
    ProductPairs(int blockSize, int width, Measure measure, double[] offsets, double[] selves) {
        this.size = offsets.length;
        this.blockSize = blockSize;
        this.width = width;
        this.measure = measure;
        this.offsets = offsets;
        this.selves = selves;
        this.blocks = IntStream.range(0, size).map(i -> i / blockSize).toArray();
        this.places = IntStream.range(0, size).map(i -> i % blockSize).toArray();
    }

    static ProductPairs of(
            Precision precision, int blockSize, int width, Measure measure, double[] offsets, double[] selves) {
        return precision == Precision.DOUBLE
                ? new DoublePairs(blockSize, width, measure, offsets, selves)
                : new FloatPairs(blockSize, width, measure, offsets, selves);
    }

    /** How many vectors a block holds: blocks of about the same size. */
    static int sizeFor(int size, int width) {
        int most = Math.max(1, Math.min(MOST, MOST_VALUES / width));
        int count = (size + most - 1) / most;
        return (size + count - 1) / count;
    }

    /** How many blocks there are. */
    final int count() {
        return (size + blockSize - 1) / blockSize;
    }

    /** How many vectors a block holds: the last one perhaps fewer than others. */
    final int length(int block) {
        return Math.min(blockSize, size - block * blockSize);
    }

    /** Takes in the vector of a prompt. Safe for use by many threads, each with prompts of its own. */
    abstract void pack(int prompt, double[] vector);

    /** Makes room for the products of a block with those up to it. Safe for use by many threads. */
    abstract void makeRoom(int top);

    /** Multiplies the vectors of two blocks, of which the left one is no later. */
    abstract void multiply(LinearAlgebra algebra, int top, int left);

    /** Lets go of the vectors. */
    abstract void unpack();

    /** The product of two prompts' vectors. */
    abstract double product(int top, int left, int at);

    /** A similarity as it is given. */
    abstract double rounded(double similarity);

    @Override
    public final double get(int i, int j) {
        if (i == j) {
            return rounded(selves[i]);
        }
        int later = Math.max(i, j);
        int earlier = Math.min(i, j);
        int left = blocks[earlier];
        double product = product(blocks[later], left, places[later] * length(left) + places[earlier]);
        return rounded(measure.of(product, offsets[later], offsets[earlier]));
    }
}
