package io.modscan.metrics.internal.rank;

/**
 * How many of those drawn without replacement are marked. Counts that are less likely than the smallest double beside the
 * likeliest count are left out. Immutable.
 */
public final class Hypergeometric {

    private static final double NEGLIGIBLE = 1e-300;

    private final double all;
    private final double marked;
    private final double drawn;
    private final int first;
    private final double[] probabilities;

    /**
     * A draw.
     *
     * @param all    how many there are
     * @param marked how many of them are marked
     * @param drawn  how many are drawn
     */
    public Hypergeometric(int all, int marked, int drawn) {
        this.all = all;
        this.marked = marked;
        this.drawn = drawn;
        int least = Math.max(0, drawn - (all - marked));
        int most = Math.min(drawn, marked);
        // In double: the product of two counts may be too large for an int.
        int mode = Math.min(most, Math.max(least, (int) ((drawn + 1.0) * (marked + 1.0) / (all + 2.0))));
        int low = mode;
        for (double p = 1; low > least && p > NEGLIGIBLE; low--) {
            p /= growth(low - 1);
        }
        int high = mode;
        for (double p = 1; high < most && p > NEGLIGIBLE; high++) {
            p *= growth(high);
        }
        this.first = low;
        this.probabilities = new double[high - low + 1];
        double sum = 1;
        double p = 1;
        probabilities[mode - low] = 1;
        for (int count = mode - 1; count >= low; count--) {
            p /= growth(count);
            probabilities[count - low] = p;
            sum += p;
        }
        p = 1;
        for (int count = mode + 1; count <= high; count++) {
            p *= growth(count - 1);
            probabilities[count - low] = p;
            sum += p;
        }
        for (int i = 0; i < probabilities.length; i++) {
            probabilities[i] /= sum;
        }
    }

    /** How much likelier the next count is. */
    private double growth(int count) {
        return (marked - count) * (drawn - count) / ((count + 1) * (all - marked - drawn + count + 1));
    }

    /** The smallest count. */
    int first() {
        return first;
    }

    /** The largest count. */
    int last() {
        return first + probabilities.length - 1;
    }

    double probability(int count) {
        return probabilities[count - first];
    }

    /** The probability that as many as this, or more, are marked; 0 where it is below 1e-300 or so. */
    public double atLeast(int count) {
        double sum = 0;
        // From the small ones up, so that none is lost in rounding.
        for (int some = last(); some >= Math.max(count, first); some--) {
            sum += probability(some);
        }
        return Math.min(1, sum);
    }
}
