package io.modscan.metrics.basis;

import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.linear.Products;
import java.util.Arrays;

/** The map x ↦ M·(x − before) + after, computed in double precision. Immutable. */
final class AffineMap {

    /** Vectors a product at most. */
    private static final int BLOCK = 1024;

    /** Values of the vectors of a product at most, unless it is a single vector. */
    private static final int BLOCK_VALUES = 1 << 23;

    private final double[] matrix;
    private final double[] before;
    private final double[] after;

    /**
     * A map.
     *
     * @param matrix M, row by row
     * @param before as long as a row
     * @param after  as long as a column
     */
    AffineMap(double[] matrix, double[] before, double[] after) {
        this.matrix = matrix;
        this.before = before;
        this.after = after;
    }

    int inputs() {
        return before.length;
    }

    float[] of(float[] vector) {
        if (vector.length != inputs()) {
            throw new IllegalArgumentException(
                    "a vector of " + vector.length + " values, where " + inputs() + " are expected");
        }
        float[] result = new float[after.length];
        new Block(1, new Sink(new float[][] {result})).take(vector, 0);
        return result;
    }

    /**
     * The images of all vectors of a site.
     *
     * @param to what they are a site of
     */
    SiteActivations of(SiteActivations from, Site to) {
        float[][] rows = new float[from.size()][];
        long vectors = 0;
        for (int i = 0; i < rows.length; i++) {
            int ofRow = from.row(i).capacity() / inputs();
            rows[i] = new float[ofRow * after.length];
            vectors += ofRow;
        }
        Block block = new Block(blockOf(vectors), new Sink(rows));
        Samples.forEach(from, block);
        block.flush();
        return from.derived(to, from.pooling(), i -> rows[i]);
    }

    private int blockOf(long vectors) {
        int most = Math.max(1, Math.min(BLOCK, BLOCK_VALUES / Math.max(inputs(), after.length)));
        return (int) Math.min(most, vectors);
    }

    /** M·v for rows v. */
    float[][] linear(float[][] rows) {
        return times(rows, before.length, matrix, after.length);
    }

    /** Mᵀ·v for rows v. */
    float[][] transposedLinear(float[][] rows) {
        double[] transposed = Products.transposed(matrix, after.length, before.length);
        return times(rows, after.length, transposed, before.length);
    }

    private static float[][] times(float[][] rows, int inputs, double[] matrix, int outputs) {
        double[] wide = new double[Math.multiplyExact(rows.length, inputs)];
        for (int i = 0; i < rows.length; i++) {
            if (rows[i].length != inputs) {
                throw new IllegalArgumentException("row " + i + " has " + rows[i].length
                        + " weights; the vectors that it reads or writes have " + inputs + " values");
            }
            for (int j = 0; j < inputs; j++) {
                wide[i * inputs + j] = rows[i][j];
            }
        }
        double[] product = Products.timesTransposed(wide, rows.length, matrix, outputs, inputs);
        float[][] result = new float[rows.length][outputs];
        for (int at = 0; at < product.length; at++) {
            result[at / outputs][at % outputs] = (float) product[at];
        }
        return result;
    }

    /** Gathers vectors and maps many at once. */
    private final class Block implements Samples.Taker {
        private final int most;
        private final double[] vectors;
        private final Sink sink;
        private int count;

        Block(int most, Sink sink) {
            this.most = most;
            this.vectors = new double[most * inputs()];
            this.sink = sink;
        }

        @Override
        public void take(float[] values, int from) {
            for (int i = 0; i < inputs(); i++) {
                vectors[count * inputs() + i] = values[from + i] - before[i];
            }
            count++;
            if (count == most) {
                flush();
            }
        }

        void flush() {
            double[] ready = count == most ? vectors : Arrays.copyOf(vectors, count * inputs());
            double[] images = Products.timesTransposed(ready, count, matrix, after.length, inputs());
            for (int at = 0; at < images.length; at++) {
                sink.put((float) (images[at] + after[at % after.length]));
            }
            count = 0;
        }
    }

    /** Fills rows, one behind the other. */
    private static final class Sink {
        private final float[][] rows;
        private int row;
        private int column;

        Sink(float[][] rows) {
            this.rows = rows;
        }

        void put(float value) {
            while (column == rows[row].length) {
                row++;
                column = 0;
            }
            rows[row][column++] = value;
        }
    }
}
