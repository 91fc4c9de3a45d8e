package io.modscan.metrics.basis;

import io.modscan.core.SiteActivations;
import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.linear.Products;
import io.modscan.metrics.internal.linear.Scratch;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;

/** The map x ↦ M·(x − before) + after, computed in double precision. Immutable. */
final class AffineMap {

    /** Vectors a product at most. */
    private static final int BLOCK = 4096;

    /** Vectors that one thread converts. */
    private static final int CHUNK = 64;

    /** Values of the vectors of a product at most, 16 MiB, unless it is a single vector. */
    private static final int BLOCK_VALUES = 1 << 21;

    /** With fewer vectors a product is as slow as reading the matrix. */
    private static final int FEW = 8;

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
        double[] image = Products.timesTransposed(shifted(vector), 1, matrix, after.length, inputs());
        float[] result = new float[after.length];
        for (int j = 0; j < result.length; j++) {
            result[j] = (float) (image[j] + after[j]);
        }
        return result;
    }

    /**
     * The images of all vectors of a site.
     *
     * @param to what they are a site of
     */
    SiteActivations of(SiteActivations from, Site to) {
        float[][] rows = new float[from.size()][];
        Samples.Numbered vectors = Samples.numbered(from);
        // In parallel, since the pages of large rows are cleared now.
        Samples.range(rows.length, (long) vectors.count() * after.length)
                .forEach(i -> rows[i] = new float[from.length(i) / inputs() * after.length]);
        int block = Math.max(1, Math.min(Math.min(BLOCK, vectors.count()), BLOCK_VALUES / longer()));
        if (block < FEW) {
            oneByOne(vectors, rows);
        } else {
            try (Scratch given = Scratch.doubles(block * inputs());
                    Scratch images = Scratch.doubles(block * after.length);
                    Scratch ofMatrix = Scratch.doubles(matrix.length)) {
                DoubleBuffer factor = ofMatrix.doubleBuffer(matrix.length).put(0, matrix);
                blockByBlock(vectors, block, factor, given, images, rows);
            }
        }
        return from.derived(to, from.pooling(), i -> rows[i]);
    }

    private int longer() {
        return Math.max(inputs(), after.length);
    }

    private void oneByOne(Samples.Numbered vectors, float[][] rows) {
        float[] vector = new float[inputs()];
        for (int i = 0; i < vectors.count(); i++) {
            Interrupt.checkThisThread();
            vectors.copy(i, vector, 0);
            int prompt = vectors.prompt(i);
            System.arraycopy(of(vector), 0, rows[prompt], vectors.position(i, prompt) * after.length, after.length);
        }
    }

    private void blockByBlock(
            Samples.Numbered vectors, int block, DoubleBuffer factor, Scratch given, Scratch images, float[][] rows) {
        Interrupt interrupt = Interrupt.ofThisThread();
        for (int from = 0; from < vectors.count(); from += block) {
            interrupt.check();
            int first = from;
            int count = Math.min(block, vectors.count() - from);
            DoubleBuffer shifted = given.doubleBuffer(count * inputs());
            int chunks = (count + CHUNK - 1) / CHUNK;
            Samples.range(chunks, (long) count * inputs()).forEach(chunk -> {
                int to = Math.min(count, (chunk + 1) * CHUNK);
                shift(vectors, first, chunk * CHUNK, to, shifted);
            });
            DoubleBuffer product = images.doubleBuffer(count * after.length);
            LinearAlgebra.installed().timesTransposed(shifted, factor, inputs(), product);
            Samples.range(chunks, (long) count * after.length).forEach(chunk -> {
                int to = Math.min(count, (chunk + 1) * CHUNK);
                hand(product, vectors, first, chunk * CHUNK, to, rows);
            });
        }
    }

    /** Some of the vectors of a block, less what is taken off before. */
    private void shift(Samples.Numbered vectors, int first, int from, int to, DoubleBuffer shifted) {
        float[] vector = new float[inputs()];
        double[] row = new double[inputs()];
        for (int i = from; i < to; i++) {
            vectors.copy(first + i, vector, 0);
            for (int j = 0; j < row.length; j++) {
                row[j] = vector[j] - before[j];
            }
            shifted.put(i * row.length, row);
        }
    }

    /** Writes images of some of the vectors of a block to where they belong. */
    private void hand(DoubleBuffer product, Samples.Numbered vectors, int first, int from, int to, float[][] rows) {
        double[] image = new double[after.length];
        for (int i = from; i < to; i++) {
            product.get(i * image.length, image);
            int prompt = vectors.prompt(first + i);
            float[] row = rows[prompt];
            int at = vectors.position(first + i, prompt) * image.length;
            for (int j = 0; j < image.length; j++) {
                row[at + j] = (float) (image[j] + after[j]);
            }
        }
    }

    private double[] shifted(float[] vector) {
        double[] shifted = new double[vector.length];
        for (int j = 0; j < shifted.length; j++) {
            shifted[j] = vector[j] - before[j];
        }
        return shifted;
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
}
