package io.modscan.metrics.internal.rank;

import io.modscan.core.prompt.Labels;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Rank-sum tests given a unit's ties, for units for which the normal approximation is poor: those of one value but for a few
 * others, and small samples.
 *
 * <p>Take a unit that is zero for 187 of 200 prompts, and a label of 20 prompts. The rank sum is mainly a matter of how many of
 * the other 13 prompts have the label. That is seldom more than a few, but has a long upper tail, which the normal distribution
 * lacks: its p-value is 1e-5 or less some 40 times as often as it may be. It is within a factor of two of the exact one, at 1e-5,
 * if no more than half of the values are equal.
 *
 * <p>Which way a p-value is computed follows from the unit's ranks and the sizes of the samples, never from the sum that is
 * tested. So p-values of one unit and label fall as U gets farther from chance, without a jump. Immutable.
 */
public final class TiedMannWhitney {

    /** Each label's smaller sample: those with it, or all others. */
    private final int[] sizes;

    private final boolean[] others;
    private final int[] ascending;

    public TiedMannWhitney(Labels labels, int all) {
        this.sizes = IntStream.range(0, labels.size())
                .map(label -> (int) Math.min(labels.count(label), all - labels.count(label)))
                .toArray();
        this.others = new boolean[sizes.length];
        for (int label = 0; label < others.length; label++) {
            others[label] = labels.count(label) > sizes[label];
        }
        this.ascending =
                Arrays.stream(sizes).filter(n -> n > 0).sorted().distinct().toArray();
    }

    /**
     * Replaces p-values where the unit's ties call for it.
     *
     * @param rankSums each label's
     * @param p        holds each label's p-value, from an index on
     */
    public void replace(Midranks ranks, double[] rankSums, double[] p, int from) {
        TiedRanks ties = new TiedRanks(ranks);
        if (ties.outside() == 0 || ascending.length == 0) {
            return;
        }
        int largest = ascending[ascending.length - 1];
        int exact = SubsetSums.affordable(ties, largest);
        int part = SubsetSums.affordablePart(ties, largest);
        int tested = 0;
        int tables = 0;
        while (tested < ascending.length && (ties.dominated() || ascending[tested] <= exact)) {
            // Other labels' sizes do not matter to what is looked up.
            tables = Math.max(tables, ascending[tested] <= exact ? ascending[tested] : part);
            tested++;
        }
        if (tested == 0) {
            return;
        }
        SubsetSums sums = new SubsetSums(ties, tables);
        @Nullable TiedRankSum[] bySize = new TiedRankSum[tested];
        for (int i = 0; i < tested; i++) {
            int n = ascending[i];
            bySize[i] = TiedRankSum.of(ties, n, sums, n <= exact ? n : part);
        }
        long whole = (long) ranks.size() * (ranks.size() + 1L);
        for (int label = 0; label < sizes.length; label++) {
            int size = Arrays.binarySearch(ascending, sizes[label]);
            TiedRankSum test = size >= 0 && size < tested ? bySize[size] : null;
            if (test != null) {
                long sum = (long) (2 * rankSums[label]);
                p[from + label] = test.twoSided(others[label] ? whole - sum : sum);
            }
        }
    }
}
