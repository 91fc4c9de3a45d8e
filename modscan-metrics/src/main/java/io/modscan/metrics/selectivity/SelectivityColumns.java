package io.modscan.metrics.selectivity;

import java.util.Arrays;
import java.util.List;

/** The numbers of a {@link SelectivityMap}, filled in unit by unit, by several threads; labels vary fastest. */
final class SelectivityColumns {

    final double[] meanIn;
    final double[] meanOut;
    final double[] hedgesG;
    final double[] auroc;
    final double[] p;

    /** One a row, or none if no AUROC has an error. */
    final double[] aurocError;

    /** One a unit. */
    final double[] kruskalP;

    private final int labels;

    SelectivityColumns(int rows, int labels, boolean exact) {
        this.meanIn = new double[rows];
        this.meanOut = new double[rows];
        this.hedgesG = new double[rows];
        this.auroc = new double[rows];
        this.p = new double[rows];
        this.aurocError = new double[exact ? 0 : rows];
        this.kruskalP = new double[rows / labels];
        this.labels = labels;
    }

    /** Says of a unit that it has no numbers. */
    void missing(int unit) {
        for (double[] column : List.of(meanIn, meanOut, hedgesG, auroc, p)) {
            Arrays.fill(column, unit * labels, (unit + 1) * labels, Double.NaN);
        }
        if (aurocError.length > 0) {
            Arrays.fill(aurocError, unit * labels, (unit + 1) * labels, Double.NaN);
        }
        kruskalP[unit] = Double.NaN;
    }
}
