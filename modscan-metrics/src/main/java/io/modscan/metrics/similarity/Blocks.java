package io.modscan.metrics.similarity;

/** Vectors packed into blocks, whose products fill a {@link Triangle}, a tile at a time. */
interface Blocks {

    /** Rows of a tile at most: few enough for the upper half not to be computed in vain, enough for a product's full speed. */
    int MOST = 1024;

    /** Values of a block at most, unless it is a single vector. */
    int MOST_VALUES = 1 << 23;

    /** How many vectors a block holds: blocks of about the same size. */
    static int sizeFor(int size, int width) {
        int most = Math.max(1, Math.min(MOST, MOST_VALUES / width));
        int count = (size + most - 1) / most;
        return (size + count - 1) / count;
    }

    /** Takes in the vector of a prompt. Safe for use by many threads, each with prompts of its own. */
    void pack(int prompt, double[] vector);

    /** Multiplies the vectors of two blocks. */
    void multiply(int top, int left);

    /**
     * Brings the last product's row of a prompt into the triangle, as similarities. Safe for use by many threads, each with
     * prompts of its own.
     *
     * @param prompt the prompt, in the top block
     * @param from   the left block's first prompt
     * @param offsets what is taken off a product for each of its two prompts, by {@link Measure#of}
     */
    void copyOut(int prompt, int from, Measure measure, double[] offsets);
}
