package io.modscan.metrics.internal.rank;

/** The mean and the sum of squared deviations of many units, value by value, and of parts brought together. */
public final class RunningMoments {

    public final double[] mean;
    public final double[] squares;

    public RunningMoments(int units) {
        this.mean = new double[units];
        this.squares = new double[units];
    }

    /**
     * Takes in a value of each of some units, by the recurrence of Welford, "Note on a method for calculating corrected sums of
     * squares and products", 1962.
     *
     * @param values holds one for each
     * @param from   where they begin
     * @param first  the first unit
     * @param units  how many units
     * @param count  how many values these units have, this one counted
     */
    public void add(float[] values, int from, int first, int units, long count) {
        double share = 1.0 / count;
        for (int i = 0; i < units; i++) {
            double apart = values[from + i] - mean[first + i];
            mean[first + i] += apart * share;
            squares[first + i] += apart * (values[from + i] - mean[first + i]);
        }
    }

    /** The same of values in double precision, of the first units: several are taken in at once. */
    public void add(double[] values, int units, long count) {
        double share = 1.0 / count;
        for (int i = 0; i < units; i++) {
            double apart = values[i] - mean[i];
            double after = mean[i] + apart * share;
            mean[i] = after;
            squares[i] += apart * (values[i] - after);
        }
    }

    /**
     * Takes in what others have seen of some units.
     *
     * @param count      how many values of each of these units were seen here
     * @param other      the others
     * @param otherCount how many they have seen
     */
    public void merge(int from, int to, long count, RunningMoments other, long otherCount) {
        if (otherCount == 0) {
            return;
        }
        double n = count;
        double more = otherCount;
        for (int i = from; i < to; i++) {
            squares[i] = Moments.squares(n, mean[i], squares[i], more, other.mean[i], other.squares[i]);
            mean[i] = Moments.mean(n, mean[i], more, other.mean[i]);
        }
    }
}
