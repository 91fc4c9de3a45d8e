package io.modscan.metrics.internal.rank;

/**
 * How the sum of some of a unit's ranks is distributed, for each number of them from below and from above its largest group of
 * equal values. Counts the subsets by their sum, one rank after another. Immutable.
 */
public final class SubsetSums {

    /** Sums × ranks, the additions at most: as much time as it takes to sort the unit some ten times. */
    private static final long AFFORDABLE = 1L << 17;

    /** The same where sums of more ranks are approximated. Those of few ranks are farthest from normal. */
    private static final long AFFORDABLE_PART = 1L << 15;

    private final TiedRanks ranks;
    private final int fromAbove;
    /** Where each cell, a number from below and one from above, begins; and the end of the last. */
    private final int[] starts;

    private final double[] atMost;
    private final double[] atLeast;

    /** Up to how many ranks, of n at most, tables are worth their time where they are all that is needed; −1 if for none. */
    static int affordable(TiedRanks ranks, int n) {
        return affordable(ranks, n, AFFORDABLE);
    }

    /** The same where there are sums of more ranks, which are approximated. */
    static int affordablePart(TiedRanks ranks, int n) {
        return affordable(ranks, n, AFFORDABLE_PART);
    }

    private static int affordable(TiedRanks ranks, int n, long additions) {
        long sums = 0;
        for (int count = 0; count <= Math.min(n, ranks.outside()); count++) {
            int last = Math.min(count, ranks.below().size());
            for (int x = Math.max(0, count - ranks.above().size()); x <= last; x++) {
                sums += ranks.steps(x, count - x) + 1;
                if (sums * ranks.outside() > additions) {
                    return count - 1;
                }
            }
        }
        return n;
    }

    /** Makes the tables for up to n ranks. */
    SubsetSums(TiedRanks ranks, int n) {
        this.ranks = ranks;
        int fromBelow = Math.min(n, ranks.below().size());
        this.fromAbove = Math.min(n, ranks.above().size());
        this.starts = new int[(fromBelow + 1) * (fromAbove + 1) + 1];
        for (int x = 0; x <= fromBelow; x++) {
            for (int y = 0; y <= fromAbove; y++) {
                int cell = cell(x, y);
                starts[cell + 1] = starts[cell] + (x + y <= n ? (int) ranks.steps(x, y) + 1 : 0);
            }
        }
        this.atMost = new double[starts[starts.length - 1]];
        this.atLeast = new double[atMost.length];
        count(n, fromBelow);
        accumulate();
    }

    private int cell(int x, int y) {
        return x * (fromAbove + 1) + y;
    }

    private void count(int n, int fromBelow) {
        SideRanks below = ranks.below();
        SideRanks above = ranks.above();
        atMost[0] = 1;
        for (int i = 0; i < below.size(); i++) {
            for (int x = Math.min(i + 1, fromBelow); x > 0; x--) {
                take(cell(x - 1, 0), cell(x, 0), below.apart(i, x - 1), below.spread(x - 1, i));
            }
        }
        for (int i = 0; i < above.size(); i++) {
            for (int y = Math.min(i + 1, fromAbove); y > 0; y--) {
                long shift = above.apart(i, y - 1);
                long spread = above.spread(y - 1, i);
                for (int x = 0; x <= Math.min(n - y, fromBelow); x++) {
                    take(cell(x, y - 1), cell(x, y), shift, spread + below.spread(x, below.size()));
                }
            }
        }
    }

    /** Adds a rank to each subset of a cell, whose sums have spread so far by now: they become subsets of the next cell. */
    private void take(int from, int to, long shift, long spread) {
        int source = starts[from];
        int target = starts[to] + (int) (shift / ranks.step());
        int sums = (int) (spread / ranks.step()) + 1;
        for (int i = 0; i < sums; i++) {
            atMost[target + i] += atMost[source + i];
        }
    }

    private void accumulate() {
        for (int cell = 0; cell + 1 < starts.length; cell++) {
            int start = starts[cell];
            int end = starts[cell + 1];
            double sum = 0;
            for (int i = end - 1; i >= start; i--) {
                sum += atMost[i];
                atLeast[i] = sum;
            }
            double all = sum;
            sum = 0;
            for (int i = start; i < end; i++) {
                sum += atMost[i];
                atMost[i] = sum / all;
                atLeast[i] /= all;
            }
        }
    }

    /** The share of sums, of so many ranks from either side, that exceed the smallest by at least so much. */
    double atLeast(int x, int y, long excess) {
        int cell = cell(x, y);
        long steps = -Math.floorDiv(-excess, ranks.step());
        return steps <= 0 ? 1 : steps >= starts[cell + 1] - starts[cell] ? 0 : atLeast[starts[cell] + (int) steps];
    }

    /** The share that exceed it by at most so much. */
    double atMost(int x, int y, long excess) {
        int cell = cell(x, y);
        long steps = Math.floorDiv(excess, ranks.step());
        return steps < 0 ? 0 : steps >= starts[cell + 1] - starts[cell] ? 1 : atMost[starts[cell] + (int) steps];
    }
}
