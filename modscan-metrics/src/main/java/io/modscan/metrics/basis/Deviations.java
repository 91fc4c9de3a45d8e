package io.modscan.metrics.basis;

import io.modscan.metrics.internal.rank.RunningMoments;

/** Mean and sum of squared distances from it, for each coordinate. */
final class Deviations extends VectorSums {

    private RunningMoments moments = new RunningMoments(0);

    @Override
    void makeRoom(int width) {
        moments = new RunningMoments(width);
    }

    @Override
    void take(float[] values, int from) {
        int width = moments.mean.length;
        if (Samples.isFinite(values, from, width)) {
            moments.add(values, from, 0, width, ++count);
        } else {
            leftOut++;
        }
    }

    void merge(Deviations other) {
        begin(other.site());
        moments.merge(0, moments.mean.length, count, other.moments, other.count);
        count += other.count;
        leftOut += other.leftOut;
    }

    Standardised standardised() {
        double[] mean = new double[moments.mean.length];
        double[] deviation = new double[mean.length];
        for (int i = 0; i < mean.length; i++) {
            mean[i] = count == 0 ? Double.NaN : moments.mean[i];
            deviation[i] = Math.sqrt(moments.squares[i] / count);
        }
        return new Standardised(site(), count, leftOut, mean, deviation);
    }
}
