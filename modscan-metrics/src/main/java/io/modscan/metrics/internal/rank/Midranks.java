package io.modscan.metrics.internal.rank;

import java.util.Arrays;

/** Ranks values from 1, equal ones sharing the mean of their ranks. Holds one ranking at a time and reuses its memory. */
public final class Midranks {

    /** A value's bits, made to sort as the value does, above the index that it came from. */
    private final long[] keys;

    private static final int BYTES = 1 << Byte.SIZE;

    /** Fewer are sorted faster by comparing. */
    private static final int FEWEST_BY_BYTES = 128;

    private final long[] aside;
    private final int[] counts;

    private final double[] ranks;
    private double ties;
    private int largestFirst;
    private int largestEnd;

    public Midranks(int size) {
        this.keys = new long[size];
        this.aside = new long[size < FEWEST_BY_BYTES ? 0 : size];
        this.counts = new int[size < FEWEST_BY_BYTES ? 0 : Integer.BYTES * BYTES];
        this.ranks = new double[size];
    }

    /**
     * Ranks values. −0 and 0 are equal.
     *
     * @return false if one of the values is NaN or infinite, and there is no ranking: of two that overflowed nobody knows the larger
     */
    public boolean rank(float[] values, int from) {
        int n = keys.length;
        for (int i = 0; i < n; i++) {
            float value = values[from + i];
            if (!Float.isFinite(value)) {
                return false;
            }
            // Adding 0 turns −0 into 0.
            keys[i] = (long) sortable(Float.floatToRawIntBits(value + 0f)) << Integer.SIZE | i;
        }
        sort();
        ties = 0;
        largestFirst = 0;
        largestEnd = 0;
        for (int first = 0; first < n; ) {
            int end = first + 1;
            while (end < n && keys[end] >> Integer.SIZE == keys[first] >> Integer.SIZE) {
                end++;
            }
            double middle = (first + 1.0 + end) / 2;
            for (int place = first; place < end; place++) {
                ranks[place] = middle;
            }
            double equal = end - first;
            ties += equal * equal * equal - equal;
            if (end - first > largestEnd - largestFirst) {
                largestFirst = first;
                largestEnd = end;
            }
            first = end;
        }
        return true;
    }

    /** By the values' bytes from the last to the first; in order of indices, which stay in order where values are equal. */
    private void sort() {
        int n = keys.length;
        if (n < FEWEST_BY_BYTES) {
            Arrays.sort(keys);
            return;
        }
        Arrays.fill(counts, 0);
        for (long key : keys) {
            for (int digit = 0; digit < Integer.BYTES; digit++) {
                counts[digit * BYTES + digit(key, digit)]++;
            }
        }
        long[] from = keys;
        long[] to = aside;
        for (int digit = 0; digit < Integer.BYTES; digit++) {
            int first = digit * BYTES;
            if (counts[first + digit(from[0], digit)] == n) {
                continue; // it is the same of all
            }
            int place = 0;
            for (int value = first; value < first + BYTES; value++) {
                int count = counts[value];
                counts[value] = place;
                place += count;
            }
            for (int i = 0; i < n; i++) {
                long key = from[i];
                to[counts[first + digit(key, digit)]++] = key;
            }
            long[] sorted = to;
            to = from;
            from = sorted;
        }
        System.arraycopy(from, 0, keys, 0, n);
    }

    /** One of the bytes of a value, that of the sign turned round, so that negative values come first. */
    private static int digit(long key, int digit) {
        int value = (int) (key >> Integer.SIZE) ^ Integer.MIN_VALUE;
        return value >>> (digit * Byte.SIZE) & (BYTES - 1);
    }

    /** Swaps between a float's bits and an integer that compares as the float does. */
    private static int sortable(int bits) {
        return bits ^ (bits >> (Integer.SIZE - 1) & Integer.MAX_VALUE);
    }

    /** Where the value at a place of the ascending order came from. */
    public int index(int place) {
        return (int) keys[place];
    }

    public float value(int place) {
        return Float.intBitsToFloat(sortable((int) (keys[place] >> Integer.SIZE)));
    }

    public double rank(int place) {
        return ranks[place];
    }

    /** The sum of t³ − t over the groups of t equal values; 0 without ties. */
    public double ties() {
        return ties;
    }

    int size() {
        return ranks.length;
    }

    /** The first place of the largest group of equal values; of several, the lowest. */
    int largestFirst() {
        return largestFirst;
    }

    /** The place after the last of that group. */
    int largestEnd() {
        return largestEnd;
    }
}
