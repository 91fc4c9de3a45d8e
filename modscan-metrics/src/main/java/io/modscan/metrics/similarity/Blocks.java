package io.modscan.metrics.similarity;

/** Vectors packed into blocks, whose products fill a {@link Triangle}, a tile at a time. */
abstract class Blocks {

    /** Rows of a tile at most: few enough for the upper half not to be computed in vain, enough for a product's full speed. */
    private static final int MOST = 1024;

    /** Values of a block at most, unless it is a single vector. */
    private static final int MOST_VALUES = 1 << 23;

    private final int size;
    final int blockSize;
    final int width;

    /**
     * Prepares for vectors.
     *
     * @param size      how many
     * @param blockSize how many of them a block holds
     * @param width     the number of their values
     */
    Blocks(int size, int blockSize, int width) {
        this.size = size;
        this.blockSize = blockSize;
        this.width = width;
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

    /** Multiplies the vectors of two blocks. */
    abstract void multiply(int top, int left);

    /**
     * Brings the last product's row of a prompt into the triangle, as similarities. Safe for use by many threads, each with
     * prompts of its own.
     *
     * @param prompt the prompt, in the top block
     * @param from   the left block's first prompt
     * @param offsets what is taken off a product for each of its two prompts, by {@link Measure#of}
     */
    final void copyOut(int prompt, int from, Measure measure, double[] offsets) {
        int columns = length(from / blockSize);
        copyOut(prompt, prompt % blockSize * columns, from, Math.min(prompt + 1, from + columns), measure, offsets);
    }

    /** The same for the columns from one to before another, whose products begin at an index of the last product. */
    abstract void copyOut(int prompt, int at, int from, int to, Measure measure, double[] offsets);
}
