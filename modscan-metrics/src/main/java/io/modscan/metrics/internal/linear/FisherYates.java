package io.modscan.metrics.internal.linear;

import java.util.SplittableRandom;

/** Shuffles, in which every order is as likely, after Fisher and Yates. */
public final class FisherYates {

    private FisherYates() {}

    /** Changes the places of two things. */
    @FunctionalInterface
    public interface Swap {
        /** Swaps the things at two places, which may be the same. */
        void swap(int i, int j);
    }

    /** Shuffles the things at the places from 0 up to a size. */
    public static void shuffle(int size, SplittableRandom random, Swap swap) {
        for (int last = size - 1; last > 0; last--) {
            swap.swap(last, random.nextInt(last + 1));
        }
    }
}
