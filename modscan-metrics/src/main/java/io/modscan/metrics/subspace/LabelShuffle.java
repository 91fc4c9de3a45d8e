package io.modscan.metrics.subspace;

import io.modscan.metrics.internal.linear.Svd;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.statistics.AgainstShuffles;
import io.modscan.metrics.statistics.Shuffles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Overlaps of groups' leading directions, with the groups as they are and with their members shuffled. */
final class LabelShuffle {

    /** Two ways of computing one overlap differ by less, and it would be an accident if different overlaps did. */
    private static final double SAME = 1e-9;

    private final int k;
    /** The vectors minus their groups' spatial medians, group by group, in as few coordinates as there are of them. */
    private final List<double[]> aligned;

    private final int[] sizes;
    /** Singular values up to this one are rounding. */
    private final double rounding;

    LabelShuffle(List<double[][]> groups, int k) {
        this.k = k;
        List<double[]> rows = new ArrayList<>();
        double longest = 0;
        for (double[][] group : groups) {
            rows.addAll(Arrays.asList(SpatialMedian.subtracted(group)));
            longest = Math.max(longest, Vectors.longest(group));
        }
        this.aligned = List.of(Svd.coordinates(rows.toArray(double[][]::new)));
        this.sizes = groups.stream().mapToInt(group -> group.length).toArray();
        this.rounding = Subspace.DOUBLE_ROUNDING * longest;
    }

    AgainstShuffles overlaps(int shuffles, SplittableRandom random) {
        double observed = meanOverlap(aligned);
        double[] shuffled = Shuffles.of(aligned, shuffles, random, this::meanOverlap);
        // A shuffle without an overlap is counted against the claim.
        return AgainstShuffles.of(observed, shuffled, value -> !(value > observed + SAME));
    }

    /** The mean over the pairs of groups that have an overlap. */
    private double meanOverlap(List<double[]> rows) {
        List<Subspace> subspaces = new ArrayList<>();
        int from = 0;
        for (int size : sizes) {
            Interrupt.checkThisThread();
            double[][] group = Vectors.centred(rows.subList(from, from + size).toArray(double[][]::new));
            subspaces.add(new Subspace(Svd.leading(group, k, rounding, Subspace.FLOAT_ROUNDING), group[0].length));
            from += size;
        }
        double sum = 0;
        int pairs = 0;
        for (int a = 0; a < subspaces.size(); a++) {
            for (int b = a + 1; b < subspaces.size(); b++) {
                double overlap = subspaces.get(a).overlap(subspaces.get(b));
                if (!Double.isNaN(overlap)) {
                    sum += overlap;
                    pairs++;
                }
            }
        }
        return sum / pairs;
    }
}
