package io.modscan.metrics.internal.linear;

/** Dot products, summed in double precision. */
public final class Dot {

    private Dot() {}

    /** The product of two vectors of the same length. */
    public static double of(double[] a, double[] b) {
        return of(a, 0, b, 0, a.length);
    }

    /** The product of two stretches, each from an index on. */
    public static double of(double[] a, int fromA, double[] b, int fromB, int length) {
        // Four sums, since a single one would wait for each addition to end before the next.
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i < length - 3; i += 4) {
            s0 += a[fromA + i] * b[fromB + i];
            s1 += a[fromA + i + 1] * b[fromB + i + 1];
            s2 += a[fromA + i + 2] * b[fromB + i + 2];
            s3 += a[fromA + i + 3] * b[fromB + i + 3];
        }
        for (; i < length; i++) {
            s0 += a[fromA + i] * b[fromB + i];
        }
        return s0 + s1 + (s2 + s3);
    }

    /** The product of two vectors of the same length, in which values of single precision neither overflow nor underflow. */
    public static double of(float[] a, float[] b) {
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

    /** The product of a vector and another of the same length, of whose values a mean is taken away first. */
    static double ofCentred(double[] a, float[] b, double mean) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i < a.length - 3; i += 4) {
            s0 += a[i] * (b[i] - mean);
            s1 += a[i + 1] * (b[i + 1] - mean);
            s2 += a[i + 2] * (b[i + 2] - mean);
            s3 += a[i + 3] * (b[i + 3] - mean);
        }
        for (; i < a.length; i++) {
            s0 += a[i] * (b[i] - mean);
        }
        return s0 + s1 + (s2 + s3);
    }
}
