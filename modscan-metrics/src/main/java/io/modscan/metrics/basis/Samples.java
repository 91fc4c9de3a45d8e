package io.modscan.metrics.basis;

import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The vectors of a site: one a prompt where positions were pooled or there are none, else one a token. */
final class Samples {

    /** From how many values on another thread is worth its call. */
    private static final int PARALLEL = 1 << 15;

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
        checkHasVectors(site);
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
        // Four sums, since a single one would wait for each addition to end before the next.
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        int i = from;
        int end = from + width;
        for (; i < end - 3; i += 4) {
            // Zero times anything finite is zero, and NaN times anything else.
            s0 += 0 * values[i];
            s1 += 0 * values[i + 1];
            s2 += 0 * values[i + 2];
            s3 += 0 * values[i + 3];
        }
        for (; i < end; i++) {
            s0 += 0 * values[i];
        }
        return s0 + s1 + (s2 + s3) == 0;
    }

    private static void checkHasVectors(SiteActivations site) {
        if (site.site().isPairwise()) {
            throw new ModscanException(site.site() + " has a value for each pair of positions, and so no vector for a"
                    + " prompt or a token; measure another site");
        }
    }

    /**
     * The same vectors by their numbers, so that each of many threads may take its own.
     *
     * @throws ModscanException if the site has no vectors
     */
    static Numbered numbered(SiteActivations site) {
        checkHasVectors(site);
        if (!site.reading().isPerToken()) {
            return new Numbered(site, site.size(), null);
        }
        int[] ends = new int[site.size()];
        int end = 0;
        for (int prompt = 0; prompt < ends.length; prompt++) {
            end = Math.addExact(end, site.length(prompt) / site.site().width());
            ends[prompt] = end;
        }
        return new Numbered(site, end, ends);
    }

    /** The vectors of a site, from 0 on. */
    static final class Numbered {
        private final SiteActivations site;
        private final int width;
        private final int count;
        /** For each prompt the number of the first vector behind its own; null if each has one. */
        private final int @Nullable [] ends;

        Numbered(SiteActivations site, int count, int @Nullable [] ends) {
            this.site = site;
            this.count = count;
            this.width = site.site().width();
            this.ends = ends;
        }

        int count() {
            return count;
        }

        /** The prompt that a vector belongs to. */
        int prompt(int vector) {
            if (ends == null) {
                return vector;
            }
            int found = Arrays.binarySearch(ends, vector + 1);
            // Prompts without vectors end where the one before does.
            while (found > 0 && ends[found - 1] == vector + 1) {
                found--;
            }
            return found >= 0 ? found : -found - 1;
        }

        /** Which one of its prompt's vectors it is. */
        int position(int vector, int prompt) {
            return ends == null ? 0 : vector - (prompt == 0 ? 0 : ends[prompt - 1]);
        }

        /** Copies a vector. */
        void copy(int vector, float[] to, int at) {
            int prompt = prompt(vector);
            int from = position(vector, prompt) * width;
            if (at == 0 && to.length == width) {
                site.read(prompt, from, to);
                return;
            }
            float[] values = new float[width];
            site.read(prompt, from, values);
            System.arraycopy(values, 0, to, at, width);
        }
    }

    /** Numbers up to a limit, for many threads if there is enough to do for each. */
    static IntStream range(int count, long values) {
        IntStream range = IntStream.range(0, count);
        return values >= PARALLEL ? range.parallel() : range;
    }
}
