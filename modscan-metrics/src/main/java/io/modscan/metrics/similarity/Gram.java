package io.modscan.metrics.similarity;

/** Dot products of vectors, accumulated in double precision. */
final class Gram {

    /** Rows a tile: two tiles of d_model = 768 stay in a core's second-level cache. */
    private static final int TILE = 64;

    private Gram() {}

    /** The n × n dot products of vectors with each other, row by row; exactly symmetric. */
    static double[] matrix(float[][] vectors) {
        int n = vectors.length;
        double[] products = new double[n * n];
        for (int top = 0; top < n; top += TILE) {
            for (int left = 0; left <= top; left += TILE) {
                for (int i = top; i < Math.min(n, top + TILE); i++) {
                    for (int j = left; j <= Math.min(i, left + TILE - 1); j++) {
                        double product = dot(vectors[i], vectors[j]);
                        products[i * n + j] = product;
                        products[j * n + i] = product;
                    }
                }
            }
        }
        return products;
    }

    static double dot(float[] a, float[] b) {
        // Four sums, since a single one would wait for each addition to end before the next.
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i < a.length - 3; i += 4) {
            s0 += (double) a[i] * b[i];
            s1 += (double) a[i + 1] * b[i + 1];
            s2 += (double) a[i + 2] * b[i + 2];
            s3 += (double) a[i + 3] * b[i + 3];
        }
        for (; i < a.length; i++) {
            s0 += (double) a[i] * b[i];
        }
        return s0 + s1 + (s2 + s3);
    }
}
