package io.modscan.metrics.selectivity;

/** Counts how often units fire, which is by value and chance, so that a branch for each value would mostly be foreseen wrongly. */
final class Firing {

    /** Its square makes more than 1 of the smallest difference of two values. */
    private static final float HUGE = 1e38f;

    private final double threshold;

    /** The largest value of single precision that is not above the threshold: what is above the one is above the other. */
    private final float below;

    Firing(double threshold) {
        this.threshold = threshold;
        float nearest = (float) threshold;
        this.below = nearest > threshold ? Math.nextDown(nearest) : nearest;
    }

    /**
     * Adds 1 where a value is above the threshold, and NaN or nothing where it is NaN: its unit counts as not measured.
     *
     * @param counts of one prompt's tokens, so many at most that their number is exact in single precision
     */
    void count(float[] values, int units, float[] counts) {
        if (Float.isInfinite(below)) {
            countOneByOne(values, units, counts);
            return;
        }
        for (int i = 0; i < units; i++) {
            counts[i] += Math.min(1f, Math.max(0f, (values[i] - below) * HUGE * HUGE));
        }
    }

    /** Infinite values have no distance from an infinite threshold. */
    private void countOneByOne(float[] values, int units, float[] counts) {
        for (int i = 0; i < units; i++) {
            counts[i] += values[i] > threshold ? 1 : 0;
        }
    }
}
