package io.modscan.metrics.basis;

import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;

/** The vectors of a site: one a prompt where positions were pooled or there are none, else one a token. */
final class Samples {

    private Samples() {}

    /** Takes a vector that is readable during the call only. */
    interface Taker {
        /**
         * Takes a vector.
         *
         * @param values holds it
         * @param from   where it begins
         */
        void take(float[] values, int from);
    }

    /**
     * Hands over all vectors, prompt by prompt, position by position.
     *
     * @throws ModscanException if the site has no vectors
     */
    static void forEach(SiteActivations site, Taker taker) {
        if (site.site().isPairwise()) {
            throw new ModscanException(site.site() + " has a value for each pair of positions, and so no vector for a"
                    + " prompt or a token; measure another site");
        }
        int width = site.site().width();
        float[] values = {};
        for (int prompt = 0; prompt < site.size(); prompt++) {
            Interrupt.checkThisThread();
            FloatBuffer row = site.row(prompt);
            int length = row.capacity();
            if (values.length < length) {
                values = new float[length];
            }
            row.get(0, values, 0, length);
            for (int from = 0; from < length; from += width) {
                taker.take(values, from);
            }
        }
    }

    /** Whether a vector has neither a NaN nor an infinite value. */
    static boolean isFinite(float[] values, int from, int width) {
        float zero = 0;
        for (int i = from; i < from + width; i++) {
            // Zero times anything finite is zero, and NaN times anything else.
            zero += 0 * values[i];
        }
        return zero == 0;
    }
}
