package io.modscan.metrics.tokens;

import java.util.Arrays;
import java.util.List;

/** The numbers of a {@link TokenSelectivityMap}, filled in row by row, by several threads. */
final class TokenColumns {

    final int[] active;
    final double[] meanDifference;
    final double[] dz;
    final double[] auroc;
    final double[] rankBiserial;
    final double[] p;

    TokenColumns(int rows) {
        this.active = new int[rows];
        this.meanDifference = new double[rows];
        this.dz = new double[rows];
        this.auroc = new double[rows];
        this.rankBiserial = new double[rows];
        this.p = new double[rows];
    }

    /** Says of some rows that they have no numbers. */
    void missing(int from, int to) {
        for (double[] column : List.of(meanDifference, dz, auroc, rankBiserial, p)) {
            Arrays.fill(column, from, to, Double.NaN);
        }
    }
}
