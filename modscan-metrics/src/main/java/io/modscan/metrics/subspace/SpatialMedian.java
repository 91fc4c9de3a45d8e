package io.modscan.metrics.subspace;

import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.thread.Interrupt;

/** The point with the least sum of distances to some vectors, by Weiszfeld's iteration from the mean. */
final class SpatialMedian {

    private static final int MOST_STEPS = 100;

    /** A step that is smaller, as a share of the longest vector, is the last one. */
    private static final double SMALL_STEP = 1e-9;

    /** So near to a vector, as a share of the longest, its weight grows no more. */
    private static final double NEAR = 1e-12;

    private SpatialMedian() {}

    /** The rows minus their spatial median. */
    static double[][] subtracted(double[][] rows) {
        double[][] from = Vectors.centred(rows);
        double longest = Vectors.longest(from);
        double moved = longest;
        for (int step = 0; step < MOST_STEPS && moved > SMALL_STEP * longest; step++) {
            Interrupt.checkThisThread();
            moved = move(from, NEAR * longest);
        }
        return from;
    }

    /** Moves the origin one step, and tells how far. */
    private static double move(double[][] rows, double near) {
        double[] target = new double[rows[0].length];
        double total = 0;
        for (double[] row : rows) {
            double weight = near / Math.max(near, Math.sqrt(Dot.of(row, row)));
            total += weight;
            for (int j = 0; j < target.length; j++) {
                target[j] += weight * row[j];
            }
        }
        for (int j = 0; j < target.length; j++) {
            target[j] /= total;
            for (double[] row : rows) {
                row[j] -= target[j];
            }
        }
        return Math.sqrt(Dot.of(target, target));
    }
}
