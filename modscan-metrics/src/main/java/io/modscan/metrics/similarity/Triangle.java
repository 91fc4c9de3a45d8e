package io.modscan.metrics.similarity;

import io.modscan.core.model.LinearAlgebra;

/** A symmetric matrix, of which the lower half is kept, with the diagonal. */
interface Triangle extends Pairs {

    static Triangle of(int size, Precision precision) {
        return precision == Precision.DOUBLE ? new DoubleTriangle(size) : new FloatTriangle(size);
    }

    /** Sets the value of a pair i ≥ j. */
    void set(int i, int j, double value);

    /** Begins to fill the matrix by products of blocks of vectors. */
    Blocks blocks(LinearAlgebra product, int blockSize, int width);
}
