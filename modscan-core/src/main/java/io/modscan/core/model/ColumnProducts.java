package io.modscan.core.model;

import java.nio.DoubleBuffer;
import java.util.stream.IntStream;

/** The products of a matrix's columns by those of its transpose's rows, for who can multiply only. */
final class ColumnProducts {

    /** Rows that are taken at once: enough for a product at full speed, few enough for the caches. */
    private static final int BLOCK = 512;

    private ColumnProducts() {}

    static void add(LinearAlgebra algebra, DoubleBuffer matrix, int width, DoubleBuffer total) {
        LinearAlgebra.checkColumnProducts(matrix.capacity(), width, total.capacity());
        // Limits are the caller's; duplicates have their own.
        DoubleBuffer x = matrix.duplicate().clear();
        DoubleBuffer sums = total.duplicate().clear();
        int rows = x.capacity() / width;
        double[] ofBlock = new double[width * width];
        DoubleBuffer product = DoubleBuffer.wrap(ofBlock);
        for (int from = 0; from < rows; from += BLOCK) {
            int first = from;
            int count = Math.min(BLOCK, rows - from);
            double[] columns = new double[width * count];
            IntStream.range(0, width).parallel().forEach(j -> {
                for (int i = 0; i < count; i++) {
                    columns[j * count + i] = x.get((first + i) * width + j);
                }
            });
            DoubleBuffer transposed = DoubleBuffer.wrap(columns);
            algebra.timesTransposed(transposed, transposed, count, product);
            for (int i = 0; i < width; i++) {
                for (int at = i * width; at <= i * width + i; at++) {
                    sums.put(at, sums.get(at) + ofBlock[at]);
                }
            }
        }
    }
}
