package io.modscan.metrics.internal.rank;

import org.apache.commons.numbers.gamma.Erfc;
import org.jspecify.annotations.Nullable;

/**
 * The rank-sum test for samples of two given sizes, that of SciPy: exact without ties where one sample is small, else the normal
 * approximation with corrections for ties and continuity. Without ties the approximation errs upwards in the tails. With ties it
 * errs downwards where one value dominates, by orders of magnitude: {@link TiedMannWhitney} is for these. Immutable.
 */
public final class MannWhitney {

    /** The exact distribution is used if either sample is at most this large. */
    private static final int EXACT_UP_TO = 8;

    /** So many float values are hardly ever all different, so that a longer table would not be worth its memory. */
    private static final long MOST_DIFFERENT = 1L << 24;

    private final double first;
    private final double second;
    /** P(U ≤ u) for u up to half the largest; absent where the samples are too large. */
    private final double @Nullable [] cumulative;

    public MannWhitney(long first, long second) {
        this.first = first;
        this.second = second;
        long smaller = Math.min(first, second);
        long larger = Math.max(first, second);
        this.cumulative = smaller > 0 && smaller <= EXACT_UP_TO && larger <= MOST_DIFFERENT
                ? cumulative((int) smaller, (int) larger)
                : null;
    }

    /**
     * The two-sided p-value; NaN if either sample has no value.
     *
     * @param u    how many pairs the first sample wins, an equal pair counting half
     * @param ties the sum of t³ − t over groups of t equal values
     */
    public double twoSided(double u, double ties) {
        double pairs = first * second;
        if (pairs == 0) {
            return Double.NaN;
        }
        if (ties == 0 && cumulative != null) {
            return Math.min(1, 2 * cumulative[(int) Math.min(u, pairs - u)]);
        }
        double n = first + second;
        double variance = pairs / 12 * (n + 1 - ties / (n * (n - 1)));
        // Tied as a whole: no variance but what rounding may have left.
        boolean allEqual = ties == n * n * n - n;
        double z = allEqual ? 0 : (Math.max(u, pairs - u) - pairs / 2 - 0.5) / Math.sqrt(variance);
        return Math.min(1, Erfc.value(z / Math.sqrt(2)));
    }

    /**
     * Of the C(m + n, m) ways to rank m values among n others, those with U = u are the coefficients of a Gaussian binomial:
     * the product of (1 − x^(n + i)) / (1 − x^i) over i = 1 … m. As series, each factor is one pass over the coefficients.
     */
    private static double[] cumulative(int m, int n) {
        int half = Math.multiplyExact(m, n) / 2;
        double[] ways = new double[half + 1];
        ways[0] = 1;
        for (int i = 1; i <= m; i++) {
            for (int u = half; u >= n + i; u--) {
                ways[u] -= ways[u - n - i];
            }
            for (int u = i; u <= half; u++) {
                ways[u] += ways[u - i];
            }
        }
        // The distribution is symmetric; an even m·n has one value in the middle, which both halves would count.
        double middle = m * n % 2 == 0 ? ways[half] : 0;
        for (int u = 1; u <= half; u++) {
            ways[u] += ways[u - 1];
        }
        double all = 2 * ways[half] - middle;
        for (int u = 0; u <= half; u++) {
            ways[u] /= all;
        }
        return ways;
    }
}
