package io.modscan.metrics.similarity;

/** Dot products of vectors, accumulated in double precision. */
final class Gram {

    private Gram() {}

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
