package io.modscan.metrics.similarity;

import io.modscan.core.SiteActivations;
import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Compares all prompts at a site by one of the built-in measures. */
final class Comparison {

    /** From how many multiplications on a matrix product is worth its overhead. */
    private static final double LARGE = 4e6;

    /** Rows a tile: two tiles of d_model = 768 stay in a core's second-level cache. */
    private static final int TILE = 64;

    /** Vectors summed by one thread. */
    private static final int CHUNK = 512;

    private final Measure measure;
    private final SiteActivations site;
    private final int size;
    private final Interrupt interrupt;
    private final double[] squares;
    private final double[] weights;
    private final double[] halves;

    Comparison(Measure measure, SiteActivations site) {
        this.measure = measure;
        this.site = site;
        this.size = site.size();
        this.interrupt = Interrupt.ofThisThread();
        // Reading the first vector says what is wrong where prompts have none, before any thread is started.
        boolean many = (double) size * site.vector(0).length > LARGE;
        IntStream prompts = IntStream.range(0, size);
        this.squares = (many ? prompts.parallel() : prompts)
                .mapToDouble(i -> square(vector(i)))
                .toArray();
        double longest = Arrays.stream(squares).max().orElseThrow();
        this.weights =
                Arrays.stream(squares).map(s -> measure.weight(s, longest)).toArray();
        this.halves = IntStream.range(0, size)
                .mapToDouble(i -> measure.half() * (squares[i] / weights[i]))
                .toArray();
    }

    Pairs pairs(Precision precision) {
        int width = site.vector(0).length;
        return (double) size * size * width > LARGE
                ? byProduct(precision, LinearAlgebra.installed(), ProductPairs.sizeFor(size, width))
                : oneByOne(precision);
    }

    private Triangle oneByOne(Precision precision) {
        float[][] vectors = site.vectors();
        Triangle triangle = Triangle.of(size, precision);
        for (int top = 0; top < size; top += TILE) {
            for (int left = 0; left <= top; left += TILE) {
                for (int i = top; i < Math.min(size, top + TILE); i++) {
                    for (int j = left; j <= Math.min(i, left + TILE - 1); j++) {
                        // A root of the product, not a product of roots: it makes the cosine of equal vectors 1.
                        // Squares of float32 vectors lie between 1e-90 and 1e86 or so, whose products a double holds.
                        double dot = Dot.of(vectors[i], vectors[j]) / Math.sqrt(weights[i] * weights[j]);
                        triangle.set(i, j, measure.of(dot, halves[i], halves[j]));
                    }
                }
            }
        }
        return triangle;
    }

    /**
     * The same by products of blocks of at most so many vectors. Where m is the mean of the vectors as scaled, a·b =
     * (a − m)·(b − m) + a·m + b·m − |m|²: what all vectors share, often most of their length, is left to sums in double
     * precision, so that the error of a product in single precision is that of the rest.
     */
    Pairs byProduct(Precision precision, LinearAlgebra algebra, int blockSize) {
        double[] mean = meanScaled();
        double share = Dot.of(mean, mean) / 2;
        double[] offsets = new double[size];
        double[] selves = new double[size];
        Arrays.setAll(selves, i -> measure.of(squares[i] / weights[i], halves[i], halves[i]));
        ProductPairs pairs = ProductPairs.of(precision, blockSize, mean.length, measure, offsets, selves);
        IntStream.range(0, size).parallel().forEach(i -> {
            double[] scaled = scaled(i);
            offsets[i] = halves[i] + share - Dot.of(scaled, mean);
            for (int k = 0; k < mean.length; k++) {
                scaled[k] -= mean[k];
            }
            pairs.pack(i, scaled);
        });
        // In parallel, since the pages of a large matrix are cleared now.
        IntStream.range(0, pairs.count()).parallel().forEach(pairs::makeRoom);
        for (int top = 0; top < pairs.count(); top++) {
            for (int left = 0; left <= top; left++) {
                interrupt.check();
                pairs.multiply(algebra, top, left);
            }
        }
        pairs.unpack();
        return pairs;
    }

    private float[] vector(int i) {
        interrupt.check();
        return site.vector(i);
    }

    private static double square(float[] vector) {
        return Dot.of(vector, vector);
    }

    /** The mean of the vectors as scaled: chunk by chunk, so that sums don't depend on how many threads there are. */
    private double[] meanScaled() {
        double[] mean = new double[site.vector(0).length];
        IntStream.rangeClosed(0, (size - 1) / CHUNK)
                .parallel()
                .mapToObj(chunk -> {
                    double[] sum = new double[mean.length];
                    for (int i = chunk * CHUNK; i < Math.min(size, (chunk + 1) * CHUNK); i++) {
                        add(sum, scaled(i));
                    }
                    return sum;
                })
                .toList()
                .forEach(sum -> add(mean, sum));
        for (int k = 0; k < mean.length; k++) {
            mean[k] /= size;
        }
        return mean;
    }

    private static void add(double[] sum, double[] values) {
        for (int k = 0; k < sum.length; k++) {
            sum[k] += values[k];
        }
    }

    /** A vector divided by the root of its weight; zeros where that is NaN, since not every product hands NaN on. */
    private double[] scaled(int i) {
        float[] vector = vector(i);
        double[] scaled = new double[vector.length];
        if (weights[i] > 0) {
            double length = Math.sqrt(weights[i]);
            for (int k = 0; k < scaled.length; k++) {
                scaled[k] = vector[k] / length;
            }
        }
        return scaled;
    }
}
