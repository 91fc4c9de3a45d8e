package io.modscan.metrics.internal.rank;

import java.util.Arrays;
import org.apache.commons.numbers.gamma.Erfc;

/**
 * Wilcoxon's signed-rank test, whether paired differences lie around zero, that of SciPy: the differences are ranked by their size, and
 * W is the sum of the ranks of the positive ones. Exact for up to 50 differences without ties, and for up to 25 with them, given the
 * ties; else the normal approximation with corrections for ties and continuity. Differences of zero are left out (F. Wilcoxon, Individual
 * comparisons by ranking methods, Biometrics Bulletin 1(6), 1945, doi:10.2307/3001968).
 *
 * <p>Of n differences no p-value is below 2^(1 − n), so that five or fewer are never enough for 0.05.
 */
public final class SignedRank {

    /** The exact distribution is used for so many differences without ties; the number of all signs is still exact in a double. */
    private static final int EXACT_UP_TO = 50;

    /** The same with ties, where each set of differences has a distribution of its own. */
    private static final int EXACT_TIED_UP_TO = 25;

    /** For each n the P(W ≤ w) for w up to half the largest. */
    private static final double[][] CUMULATIVE = cumulative();

    private SignedRank() {}

    /**
     * The two-sided p-value, twice the smaller tail and at most 1: the same if all signs are changed. Takes the time of a sort and, where
     * ties are counted, of n³ additions.
     *
     * @param differences paired differences in any order, which are not changed
     * @return a p-value; 1 if all are zero; NaN if there is none, or one is NaN or infinite: of two that overflowed nobody knows the larger
     */
    public static double twoSided(double[] differences) {
        long[] keys = new long[differences.length];
        int n = 0;
        for (double difference : differences) {
            if (!Double.isFinite(difference)) {
                return Double.NaN;
            }
            if (difference != 0) {
                keys[n++] = key(difference);
            }
        }
        if (n == 0) {
            return differences.length == 0 ? Double.NaN : 1;
        }
        Arrays.sort(keys, 0, n);
        int[] doubled = new int[n];
        double ties = doubledMidranks(keys, doubled);
        double positive = 0;
        for (int place = 0; place < n; place++) {
            positive += isPositive(keys[place]) ? doubled[place] : 0;
        }
        double all = n * (n + 1.0);
        double smaller = Math.min(positive, all - positive);
        if (ties == 0 && n <= EXACT_UP_TO) {
            return Math.min(1, 2 * CUMULATIVE[n][(int) smaller / 2]);
        }
        if (n <= EXACT_TIED_UP_TO) {
            return Math.min(1, 2 * tiedAtMost(doubled, (int) smaller));
        }
        double variance = (all * (2 * n + 1.0) - ties / 2) / 24;
        double z = ((all / 2 - smaller) / 2 - 0.5) / Math.sqrt(variance);
        return Math.min(1, Erfc.value(z / Math.sqrt(2)));
    }

    /**
     * The matched-pairs rank-biserial correlation: the rank sum of the positive differences less that of the negative ones, divided by
     * both (D. S. Kerby, The simple difference formula, Comprehensive Psychology 3, 2014, doi:10.2466/11.IT.3.1).
     *
     * @param differences paired differences in any order, which are not changed; all finite
     * @return from −1 to 1; 0 if all are zero, NaN if there is none
     */
    public static double rankBiserial(double[] differences) {
        long[] keys = Arrays.stream(differences)
                .filter(difference -> difference != 0)
                .mapToLong(SignedRank::key)
                .sorted()
                .toArray();
        if (keys.length == 0) {
            return differences.length == 0 ? Double.NaN : 0;
        }
        int[] doubled = new int[keys.length];
        doubledMidranks(keys, doubled);
        double signed = 0;
        for (int place = 0; place < keys.length; place++) {
            signed += isPositive(keys[place]) ? doubled[place] : -doubled[place];
        }
        return signed / (keys.length * (keys.length + 1.0));
    }

    /** Sorts as the size does; of equal sizes, those of one sign are together. */
    private static long key(double difference) {
        // The sign becomes the last bit. What is left is unsigned, and longs are sorted as signed.
        return Long.rotateLeft(Double.doubleToRawLongBits(difference), 1) ^ Long.MIN_VALUE;
    }

    private static boolean isPositive(long key) {
        return (key & 1) == 0;
    }

    /**
     * Ranks sizes, doubled so that they are whole.
     *
     * @return the sum of t³ − t over groups of t equal sizes
     */
    private static double doubledMidranks(long[] keys, int[] doubled) {
        double ties = 0;
        for (int first = 0; first < doubled.length; ) {
            int end = first + 1;
            while (end < doubled.length && keys[end] >> 1 == keys[first] >> 1) {
                end++;
            }
            Arrays.fill(doubled, first, end, first + 1 + end);
            double equal = end - first;
            ties += equal * equal * equal - equal;
            first = end;
        }
        return ties;
    }

    /** The share of all ways to choose signs in which the ranks of the positive ones sum to at most so much. */
    private static double tiedAtMost(int[] ranks, int sum) {
        long[] ways = new long[sum + 1];
        ways[0] = 1;
        for (int rank : ranks) {
            add(rank, ways);
        }
        return (double) Arrays.stream(ways).sum() / (1L << ranks.length);
    }

    /** Lets one more rank be positive or negative. */
    private static void add(int rank, long[] ways) {
        for (int sum = ways.length - 1; sum >= rank; sum--) {
            ways[sum] += ways[sum - rank];
        }
    }

    private static double[][] cumulative() {
        double[][] tables = new double[EXACT_UP_TO + 1][];
        long[] ways = new long[EXACT_UP_TO * (EXACT_UP_TO + 1) / 4 + 1];
        ways[0] = 1;
        tables[0] = new double[] {1};
        for (int n = 1; n <= EXACT_UP_TO; n++) {
            add(n, ways);
            tables[n] = new double[n * (n + 1) / 4 + 1];
            long atMost = 0;
            for (int sum = 0; sum < tables[n].length; sum++) {
                atMost += ways[sum];
                tables[n][sum] = (double) atMost / (1L << n);
            }
        }
        return tables;
    }
}
