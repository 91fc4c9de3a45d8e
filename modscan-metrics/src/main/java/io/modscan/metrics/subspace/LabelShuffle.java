package io.modscan.metrics.subspace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Overlaps of groups' leading directions, with the groups as they are and with their members shuffled. */
final class LabelShuffle {

    private final int k;
    /** The vectors minus their groups' spatial medians, group by group, in as few coordinates as there are of them. */
    private final double[][] aligned;

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
        this.aligned = Svd.coordinates(rows.toArray(double[][]::new));
        this.sizes = groups.stream().mapToInt(group -> group.length).toArray();
        this.rounding = Subspace.DOUBLE_ROUNDING * longest;
    }

    Shuffled overlaps(int shuffles, SplittableRandom random) {
        double[][] rows = aligned.clone();
        double observed = meanOverlap(rows);
        double[] shuffled = new double[shuffles];
        for (int i = 0; i < shuffles; i++) {
            for (int last = rows.length - 1; last > 0; last--) {
                int other = random.nextInt(last + 1);
                double[] row = rows[last];
                rows[last] = rows[other];
                rows[other] = row;
            }
            shuffled[i] = meanOverlap(rows);
        }
        return Shuffled.of(observed, shuffled);
    }

    /** The mean over the pairs of groups that have an overlap. */
    private double meanOverlap(double[][] rows) {
        List<Subspace> subspaces = new ArrayList<>();
        int from = 0;
        for (int size : sizes) {
            double[][] group = Vectors.centred(Arrays.copyOfRange(rows, from, from + size));
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
