package io.modscan.metrics.selectivity;

import java.util.Arrays;

/** The step-up procedure against false discoveries. */
final class BenjaminiHochberg {

    private BenjaminiHochberg() {}

    /**
     * The q-value of each p-value: the smallest p·m/rank among it and the larger ones, of m. NaN stays and is not counted.
     */
    static double[] adjust(double[] p) {
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
