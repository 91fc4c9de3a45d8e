package io.modscan.metrics.similarity;

/** A symmetric matrix, of which the lower half is kept, with the diagonal. */
interface Triangle extends Pairs {

    static Triangle of(int size, Precision precision) {
        return precision == Precision.DOUBLE ? new DoubleTriangle(size) : new FloatTriangle(size);
    }

    /** Sets the value of a pair i ≥ j. */
    void set(int i, int j, double value);
}
