package io.modscan.metrics.connections;

import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;

/** How much the units of a site vary over data, and how often they are on. */
final class Liveliness {

    private final int width;
    private final long vectors;
    private final double[] sums;
    private final double[] squares;
    private final long[] on;

    private Liveliness(int width, long vectors) {
        this.width = width;
        this.vectors = vectors;
        this.sums = new double[width];
        this.squares = new double[width];
        this.on = new long[width];
    }

    /** Of the vectors of all prompts, or of all tokens where positions were kept. */
    static Liveliness of(SiteActivations site) {
        int width = site.site().width();
        long vectors = 0;
        for (int prompt = 0; prompt < site.size(); prompt++) {
            vectors += site.row(prompt).capacity() / width;
        }
        if (vectors == 0) {
            throw new ModscanException("the activations of '" + site.site()
                    + "' have no vector, so how much its units vary can't be told; capture at least one prompt");
        }
        Liveliness liveliness = new Liveliness(width, vectors);
        for (int prompt = 0; prompt < site.size(); prompt++) {
            Interrupt.checkThisThread();
            liveliness.add(site.row(prompt));
        }
        return liveliness;
    }

    private void add(FloatBuffer row) {
        for (int at = 0; at < row.capacity(); at++) {
            double value = row.get(at);
            int unit = at % width;
            sums[unit] += value;
            squares[unit] += value * value;
            on[unit] += value > 0 ? 1 : 0;
        }
    }

    /** The root of a unit's mean square, or of that about its mean; NaN if a value is NaN or infinite. */
    double size(int unit, boolean aboutMean) {
        double mean = aboutMean ? sums[unit] / vectors : 0;
        // Infinities of both signs leave NaN in the sum only.
        return Math.sqrt(Math.max(0, squares[unit] / vectors - mean * mean)) + 0 * sums[unit];
    }

    /** The share of vectors in which a unit is positive. */
    double onShare(int unit) {
        return (double) on[unit] / vectors;
    }
}
