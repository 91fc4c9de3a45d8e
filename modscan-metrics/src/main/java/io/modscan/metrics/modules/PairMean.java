package io.modscan.metrics.modules;

/** The mean correlation of pairs, or of its size. */
final class PairMean implements Correlations.PairConsumer {

    private final boolean absolute;
    private double sum;
    private long pairs;

    PairMean(boolean absolute) {
        this.absolute = absolute;
    }

    @Override
    public void accept(int first, int second, double correlation) {
        sum += absolute ? Math.abs(correlation) : correlation;
        pairs++;
    }

    double get() {
        return sum / pairs;
    }
}
