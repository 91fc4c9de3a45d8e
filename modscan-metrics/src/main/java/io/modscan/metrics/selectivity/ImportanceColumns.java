package io.modscan.metrics.selectivity;

/** The numbers of one side of an {@link ImportanceMap}, one a row. */
final class ImportanceColumns {

    private final double[] shareActive;
    private final double[] meanAbsolute;
    private final double[] rms;
    private final double[] deviation;

    ImportanceColumns(int rows) {
        this.shareActive = new double[rows];
        this.meanAbsolute = new double[rows];
        this.rms = new double[rows];
        this.deviation = new double[rows];
    }

    /**
     * Fills in a row.
     *
     * @param n        how many values there are
     * @param active   how many of them are above the threshold
     * @param absolute the sum of their absolute values
     * @param mean     their mean
     * @param squares  the sum of squared deviations from it
     */
    void set(int row, double n, double active, double absolute, double mean, double squares) {
        // NaN is not above any threshold: the share would pass it over in silence.
        shareActive[row] = Double.isNaN(absolute) ? Double.NaN : active / n;
        meanAbsolute[row] = absolute / n;
        rms[row] = Math.sqrt(squares / n + mean * mean);
        deviation[row] = Math.sqrt(squares / n);
    }

    ImportanceScores get(int row) {
        return new ImportanceScores(shareActive[row], meanAbsolute[row], rms[row], deviation[row]);
    }
}
