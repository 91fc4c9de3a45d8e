package io.modscan.metrics.subspace;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;

/** The vectors of one site, seen to be finite, and what is computed of rows of numbers. */
final class Vectors {

    private Vectors() {}

    /** The vectors of the only site, a row a prompt. */
    static double[][] of(Activations activations) {
        SiteActivations site = activations.onlySite();
        double[][] rows = new double[site.size()][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = of(activations, site, i);
        }
        return rows;
    }

    static double[] of(Activations activations, SiteActivations site, int prompt) {
        Interrupt.checkThisThread();
        float[] vector = site.vector(prompt);
        double[] row = new double[vector.length];
        for (int j = 0; j < row.length; j++) {
            if (!Float.isFinite(vector[j])) {
                throw new ModscanException(site.site() + " of the prompt '"
                        + activations.prompts().get(prompt).id() + "' has the value " + vector[j] + " at " + j
                        + "; a subspace needs finite ones: leave the prompt out with activations.where(…)");
            }
            row[j] = vector[j];
        }
        return row;
    }

    /** The length of the longest row. */
    static double longest(double[][] rows) {
        return Arrays.stream(rows)
                .mapToDouble(row -> Math.sqrt(Dot.of(row, row)))
                .max()
                .orElse(0);
    }

    /** The rows minus their mean. */
    static double[][] centred(double[][] rows) {
        double[] mean = new double[rows[0].length];
        for (double[] row : rows) {
            for (int j = 0; j < mean.length; j++) {
                mean[j] += row[j];
            }
        }
        double[][] centred = new double[rows.length][mean.length];
        for (int j = 0; j < mean.length; j++) {
            mean[j] /= rows.length;
        }
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < mean.length; j++) {
                centred[i][j] = rows[i][j] - mean[j];
            }
        }
        return centred;
    }
}
