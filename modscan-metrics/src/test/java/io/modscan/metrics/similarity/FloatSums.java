package io.modscan.metrics.similarity;

import io.modscan.core.model.LinearAlgebra;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/** Matrix products by the plainest loop, each in its own precision, sums too: the least exact that a product may be. */
final class FloatSums implements LinearAlgebra {

    @Override
    public void timesTransposed(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product) {
        LinearAlgebra.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        int columns = b.capacity() / inner;
        for (int i = 0; i < product.capacity(); i++) {
            float sum = 0;
            for (int k = 0; k < inner; k++) {
                sum += a.get(i / columns * inner + k) * b.get(i % columns * inner + k);
            }
            product.put(i, sum);
        }
    }

    @Override
    public void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
        LinearAlgebra.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        int columns = b.capacity() / inner;
        for (int i = 0; i < product.capacity(); i++) {
            double sum = 0;
            for (int k = 0; k < inner; k++) {
                sum += a.get(i / columns * inner + k) * b.get(i % columns * inner + k);
            }
            product.put(i, sum);
        }
    }

    @Override
    public int rank() {
        return -1;
    }
}
