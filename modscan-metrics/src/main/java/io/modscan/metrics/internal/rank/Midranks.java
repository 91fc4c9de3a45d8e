package io.modscan.metrics.internal.rank;

import java.util.Arrays;

/** Ranks values from 1, equal ones sharing the mean of their ranks. Holds one ranking at a time and reuses its memory. */
public final class Midranks {

    /** A value's bits, made to sort as the value does, above the index that it came from. */
    private final long[] keys;

    private final double[] ranks;
    private double ties;
    private int largestFirst;
    private int largestEnd;

    public Midranks(int size) {
        this.keys = new long[size];
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
        Arrays.sort(keys);
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
