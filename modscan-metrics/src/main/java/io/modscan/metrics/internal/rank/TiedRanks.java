package io.modscan.metrics.internal.rank;

/**
 * A unit's ranks as its largest group of equal values divides them. The sum of n ranks that are drawn at random is, for x drawn
 * below and y drawn above that group, the group's own rank for the others, and two sums that are independent of each other.
 * Ranks and sums are doubled, so that they are whole. Immutable.
 */
public final class TiedRanks {

    private final int all;
    private final long middle;
    private final SideRanks below;
    private final SideRanks above;
    private final long step;

    TiedRanks(Midranks ranks) {
        this.all = ranks.size();
        this.middle = (long) (2 * ranks.rank(ranks.largestFirst()));
        this.below = new SideRanks(ranks, 0, ranks.largestFirst());
        this.above = new SideRanks(ranks, ranks.largestEnd(), all);
        this.step = Math.max(1, above.divisor(below.divisor(0)));
    }

    /** The number of ranks. */
    int all() {
        return all;
    }

    /** How many are not of the group. */
    int outside() {
        return below.size() + above.size();
    }

    /** Whether the group is half of all or more. */
    boolean dominated() {
        return outside() <= all - outside();
    }

    SideRanks below() {
        return below;
    }

    SideRanks above() {
        return above;
    }

    /** What all differences between two sums of as many ranks from either side are multiples of. */
    long step() {
        return step;
    }

    /** The smallest sum of n ranks of which so many are from either side. */
    long least(int n, int fromBelow, int fromAbove) {
        return (n - fromBelow - fromAbove) * middle + below.least(fromBelow) + above.least(fromAbove);
    }

    /** The mean of those sums. */
    double mean(int n, int fromBelow, int fromAbove) {
        return (double) (n - fromBelow - fromAbove) * middle + below.mean(fromBelow) + above.mean(fromAbove);
    }

    /** Their standard deviation. */
    double deviation(int fromBelow, int fromAbove) {
        return Math.sqrt(below.variance(fromBelow) + above.variance(fromAbove));
    }

    /** How many steps they spread over. */
    long steps(int fromBelow, int fromAbove) {
        return (below.spread(fromBelow, below.size()) + above.spread(fromAbove, above.size())) / step;
    }
}
