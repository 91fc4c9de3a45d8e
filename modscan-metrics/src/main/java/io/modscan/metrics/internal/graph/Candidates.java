package io.modscan.metrics.internal.graph;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * What may be among the strongest links of one node, by weights that are a little off: whatever is not out of the question. Some
 * that turned out to be are dropped now and then, and of many that are alike the exact weights tell which ones to keep, so that there are never many more than wanted.
 */
final class Candidates {

    private static final int FIRST_CAPACITY = 8;
    /** How many times as many as wanted are gathered before some are dropped. */
    private static final int ROOM = 4;

    private final int wanted;
    private final float off;
    /** What a weight has to reach. */
    private float floor;

    private int[] others = new int[FIRST_CAPACITY];
    private float[] weights = new float[FIRST_CAPACITY];
    private int size;

    /**
     * Begins without a candidate.
     *
     * @param wanted how many links the node keeps
     * @param least  the weight that makes a link
     * @param off    how far a weight may be from the exact one
     */
    Candidates(int wanted, float least, float off) {
        this.wanted = wanted;
        this.off = off;
        this.floor = least - off;
    }

    /** What is below is no candidate. */
    float floor() {
        return floor;
    }

    int size() {
        return size;
    }

    int other(int candidate) {
        return others[candidate];
    }

    float weight(int candidate) {
        return weights[candidate];
    }

    /** Adds one that reaches the floor. */
    void add(int other, float weight) {
        if (size == others.length) {
            drop();
            if (2 * size > others.length) {
                others = Arrays.copyOf(others, 2 * others.length);
                weights = Arrays.copyOf(weights, 2 * weights.length);
            }
        }
        others[size] = other;
        weights[size++] = weight;
    }

    /** Tells a pair's exact weight. */
    @FunctionalInterface
    interface Exact {
        double of(int other, float near);
    }

    /** How many times as many as wanted there may be before {@link #settle}: of weights that are all alike, none can be dropped. */
    private static final int MANY = 16;

    /** Whether there are so many that their exact weights have to tell which ones to keep. */
    boolean areMany() {
        return size > (long) MANY * wanted;
    }

    /** Keeps so many as are wanted, those of the largest exact weights, among equals the first nodes. */
    void settle(Exact exact) {
        double[] weightOf = new double[size];
        Arrays.setAll(weightOf, i -> exact.of(others[i], weights[i]));
        int[] best = IntStream.range(0, size)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -weightOf[i]).thenComparing(i -> others[i]))
                .limit(wanted)
                .mapToInt(i -> i)
                .sorted()
                .toArray();
        for (int i = 0; i < best.length; i++) {
            others[i] = others[best[i]];
            weights[i] = weights[best[i]];
        }
        size = best.length;
    }

    /** Drops those that are weaker than so many others as are wanted, even if all of them are off. */
    void drop() {
        if (size <= wanted || (size < others.length && size < (long) ROOM * wanted)) {
            return;
        }
        float[] sorted = Arrays.copyOf(weights, size);
        Arrays.sort(sorted);
        floor = Math.max(floor, sorted[size - wanted] - 2 * off);
        int kept = 0;
        for (int i = 0; i < size; i++) {
            if (weights[i] >= floor) {
                others[kept] = others[i];
                weights[kept++] = weights[i];
            }
        }
        size = kept;
    }
}
