package io.modscan.metrics.statistics;

import java.util.Arrays;

/**
 * The step-up procedure of Benjamini and Hochberg against false discoveries, "Controlling the false discovery rate", 1995
 * (<a href="https://doi.org/10.1111/j.2517-6161.1995.tb02031.x">doi:10.1111/j.2517-6161.1995.tb02031.x</a>). Results that
 * come with one p-value for each of many questions correct themselves; this is for p-values of several results, such as those of
 * labels' separation at many sites.
 */
public final class BenjaminiHochberg {

    private BenjaminiHochberg() {}

    /**
     * The q-value of each p-value: the smallest p·m/rank among it and the larger ones, of m. That is the smallest false discovery
     * rate at which it counts as a discovery. Takes O(m log m) time.
     *
     * @param p p-values; NaN is not counted among the m
     * @return the q-values in the same order, at most 1, NaN where p is
     */
    public static double[] adjust(double[] p) {
        double[] sorted = Arrays.stream(p).filter(value -> !Double.isNaN(value)).toArray();
        Arrays.parallelSort(sorted);
        double[] adjusted = new double[sorted.length];
        double smallest = 1;
        for (int i = sorted.length - 1; i >= 0; i--) {
            smallest = Math.min(smallest, sorted[i] * ((double) sorted.length / (i + 1)));
            adjusted[i] = smallest;
        }
        // Equal p-values get equal q-values, so any of them may be found.
        return Arrays.stream(p)
                .parallel()
                .map(value -> Double.isNaN(value) ? value : adjusted[Arrays.binarySearch(sorted, value)])
                .toArray();
    }
}
