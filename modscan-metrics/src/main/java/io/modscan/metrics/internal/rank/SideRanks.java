package io.modscan.metrics.internal.rank;

/** The ranks on one side of a unit's largest group of equal values: ascending, and doubled, so that they are whole. Immutable. */
public final class SideRanks {

    private final int size;
    private final long lowest;
    /** Of the first so many ranks, each less the lowest. */
    private final long[] sums;

    private final double mean;
    /** The sum of the squared deviations from the mean. */
    private final double squares;

    /** Takes the ranks at some places of the ascending order. */
    SideRanks(Midranks ranks, int from, int to) {
        this.size = to - from;
        this.lowest = size == 0 ? 0 : (long) (2 * ranks.rank(from));
        this.sums = new long[size + 1];
        for (int i = 0; i < size; i++) {
            sums[i + 1] = sums[i] + (long) (2 * ranks.rank(from + i)) - lowest;
        }
        double middle = size == 0 ? 0 : (double) sums[size] / size;
        double deviations = 0;
        for (int i = 0; i < size; i++) {
            double apart = aboveLowest(i) - middle;
            deviations += apart * apart;
        }
        this.mean = lowest + middle;
        this.squares = deviations;
    }

    int size() {
        return size;
    }

    private long aboveLowest(int i) {
        return sums[i + 1] - sums[i];
    }

    /** By how much one rank is higher than another. */
    long apart(int higher, int lower) {
        return aboveLowest(higher) - aboveLowest(lower);
    }

    /** The smallest sum of so many ranks. */
    long least(int count) {
        return count * lowest + sums[count];
    }

    /** By how much sums of so many of the first ranks differ at most. */
    long spread(int count, int first) {
        return sums[first] - sums[first - count] - sums[count];
    }

    /** The greatest common divisor of a number and all differences between ranks. */
    long divisor(long number) {
        long divisor = number;
        // Neighbours differ by 1 or 2 where they are of different values alone, so this seldom goes far.
        for (int i = 1; i < size && divisor != 1; i++) {
            long remainder = apart(i, i - 1);
            while (remainder != 0) {
                long next = divisor % remainder;
                divisor = remainder;
                remainder = next;
            }
        }
        return divisor;
    }

    /** The mean of the sum of so many ranks, drawn at random. */
    double mean(int count) {
        return count * mean;
    }

    /** The variance of that sum. */
    double variance(int count) {
        return size < 2 ? 0 : squares / size * count / (size - 1) * (size - count);
    }
}
