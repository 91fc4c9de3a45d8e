package io.modscan.metrics.internal.rank;

import java.util.Arrays;

/**
 * The number, the mean and the sum of squared deviations of one unit's values, for each label and for all other labels
 * together. Parts are brought together by the formula of Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
 * for computing sample variances", 1979, which subtracts no large numbers from each other.
 */
public final class Moments {

    public final double[] count;
    public final double[] mean;
    public final double[] squares;

    public final double[] outCount;
    public final double[] outMean;
    public final double[] outSquares;

    public Moments(int labels) {
        this.count = new double[labels];
        this.mean = new double[labels];
        this.squares = new double[labels];
        this.outCount = new double[labels];
        this.outMean = new double[labels];
        this.outSquares = new double[labels];
    }

    /**
     * Fills in the others of each label: the labels before it and those behind it. Taking the label away from the total
     * instead would leave nothing of small values beside a label of huge ones.
     */
    public void others() {
        Arrays.fill(outCount, 0);
        pass(0, count.length, 1);
        pass(count.length - 1, -1, -1);
    }

    private void pass(int from, int end, int step) {
        double n = 0;
        double m = 0;
        double s = 0;
        for (int label = from; label != end; label += step) {
            double all = outCount[label] + n;
            outSquares[label] = squares(outCount[label], outMean[label], outSquares[label], n, m, s);
            outMean[label] = mean(outCount[label], outMean[label], n, m);
            outCount[label] = all;
            s = squares(n, m, s, count[label], mean[label], squares[label]);
            m = mean(n, m, count[label], mean[label]);
            n += count[label];
        }
    }

    /** The mean of two parts together; NaN of nothing. Exact where all values are the same. */
    public static double mean(double n, double mean, double otherN, double otherMean) {
        if (n == 0 || otherN == 0) {
            return n > 0 ? mean : otherN > 0 ? otherMean : Double.NaN;
        }
        return (n * mean + otherN * otherMean) / (n + otherN);
    }

    /** The sum of squared deviations of two parts together; 0 of nothing. */
    public static double squares(double n, double mean, double s, double otherN, double otherMean, double otherS) {
        if (n == 0 || otherN == 0) {
            return n > 0 ? s : otherN > 0 ? otherS : 0;
        }
        double apart = otherMean - mean;
        return s + otherS + apart * apart * (n * otherN / (n + otherN));
    }
}
