package io.modscan.metrics.internal.rank;

import java.util.Arrays;
import org.apache.commons.numbers.gamma.RegularizedGamma;

/** The test whether several samples of given sizes are from one distribution, by the ranks of their values. */
public final class KruskalWallis {

    private final double[] counts;
    private final double all;
    private final double freedom;

    public KruskalWallis(double[] counts) {
        this.counts = counts;
        this.all = Arrays.stream(counts).sum();
        this.freedom = Arrays.stream(counts).filter(n -> n > 0).count() - 1.0;
    }

    /**
     * The p-value; NaN of fewer than two samples with any value.
     *
     * @param rankSums the sum of ranks in each sample
     * @param ties     the sum of t³ − t over groups of t equal values
     */
    public double p(double[] rankSums, double ties) {
        if (freedom < 1) {
            return Double.NaN;
        }
        double most = all * all * all - all;
        if (ties == most) {
            return 1;
        }
        double middle = (all + 1) / 2;
        double between = 0;
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0) {
                double apart = rankSums[i] / counts[i] - middle;
                between += counts[i] * apart * apart;
            }
        }
        double h = 12 * (all - 1) * between / (most - ties);
        return RegularizedGamma.Q.value(freedom / 2, h / 2);
    }
}
