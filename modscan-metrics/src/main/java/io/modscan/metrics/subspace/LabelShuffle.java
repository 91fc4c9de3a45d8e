package io.modscan.metrics.subspace;

import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.linear.FisherYates;
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
    /** Unit vectors, group by group, in as few coordinates as there are of them. */
    private final List<double[]> directions;

    private final int[] sizes;

    /**
     * Takes groups.
     *
     * @param groups of {@link #differences}; not all empty
     */
    LabelShuffle(List<double[][]> groups, int k) {
        this.k = k;
        double[][] rows = groups.stream().flatMap(Arrays::stream).toArray(double[][]::new);
        this.directions = rows.length == 0 ? List.of() : List.of(Svd.coordinates(rows));
        this.sizes = groups.stream().mapToInt(group -> group.length).toArray();
    }

    /**
     * The directions from one vector to another, of as many pairs as there are. A difference knows nothing of where the group's
     * centre is, and, with the length 1, nothing of how widely it spreads; and no two of them have a vector in common. So those of
     * groups that vary alike are drawn independently from one distribution.
     *
     * @param group  vectors
     * @param random says who is paired with whom; an odd one is left over
     * @return unit vectors, at most half as many; pairs of equal vectors have none
     */
    static double[][] differences(double[][] group, SplittableRandom random) {
        double[][] rows = group.clone();
        FisherYates.shuffle(rows.length, random, (i, j) -> {
            double[] row = rows[i];
            rows[i] = rows[j];
            rows[j] = row;
        });
        double rounding = Subspace.DOUBLE_ROUNDING * Vectors.longest(group);
        List<double[]> directions = new ArrayList<>();
        for (int i = 0; i + 1 < rows.length; i += 2) {
            double[] direction = new double[rows[i].length];
            for (int j = 0; j < direction.length; j++) {
                direction[j] = rows[i][j] - rows[i + 1][j];
            }
            double length = Math.sqrt(Dot.of(direction, direction));
            if (length > rounding) {
                Arrays.setAll(direction, j -> direction[j] / length);
                directions.add(direction);
            }
        }
        return directions.toArray(double[][]::new);
    }

    AgainstShuffles overlaps(int shuffles, SplittableRandom random) {
        double observed = meanOverlap(directions);
        double[] shuffled = Shuffles.of(directions, shuffles, random, this::meanOverlap);
        // A shuffle without an overlap is counted against the claim.
        return AgainstShuffles.of(observed, shuffled, value -> !(value > observed + SAME));
    }

    /** The mean over the pairs of groups that have an overlap. */
    private double meanOverlap(List<double[]> rows) {
        List<Subspace> subspaces = new ArrayList<>();
        int from = 0;
        for (int size : sizes) {
            Interrupt.checkThisThread();
            if (size > 0) {
                double[][] group = rows.subList(from, from + size).toArray(double[][]::new);
                subspaces.add(new Subspace(Svd.leading(group, k, 0, Subspace.FLOAT_ROUNDING), group[0].length));
            }
            from += size;
        }
        double sum = 0;
        int pairs = 0;
        for (int a = 0; a < subspaces.size(); a++) {
            for (int b = a + 1; b < subspaces.size(); b++) {
                sum += subspaces.get(a).overlap(subspaces.get(b));
                pairs++;
            }
        }
        return sum / pairs;
    }
}
