package io.modscan.metrics.connections;

import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.SplittableRandom;

/**
 * What the units of one site write to the residual stream and read from it: a row a unit, whose length says how strong it is,
 * 1 at most.
 */
final class StreamSite {

    private final Site site;
    private final int stage;
    private final int width;
    private final boolean[] there;
    private final float[] writes;
    private final float[] reads;

    private StreamSite(Site site, int stage, int width, boolean[] there, float[] writes, float[] reads) {
        this.site = site;
        this.stage = stage;
        this.width = width;
        this.there = there;
        this.writes = writes;
        this.reads = reads;
    }

    /**
     * Brings rows to their lengths.
     *
     * @param stage    which half of which block: 2 × layer for attention, 1 more for the MLP
     * @param width    the length of a row
     * @param there    whether a unit takes part; one that neither writes nor reads, or not by finite numbers, doesn't anyway
     * @param writes   directions of any length; changed
     * @param loudness how long they are to be
     * @param reads    the same of what is read
     * @param hearing  how long these are to be
     */
    static StreamSite of(
            Site site,
            int stage,
            int width,
            boolean[] there,
            float[] writes,
            double[] loudness,
            float[] reads,
            double[] hearing) {
        for (int unit = 0; unit < there.length; unit++) {
            double written = length(writes, unit * width, width);
            double read = length(reads, unit * width, width);
            there[unit] &= Double.isFinite(written) && Double.isFinite(read) && written + read > 0;
            setLength(writes, unit * width, width, there[unit] ? loudness[unit] : 0);
            setLength(reads, unit * width, width, there[unit] ? hearing[unit] : 0);
        }
        return new StreamSite(site, stage, width, there, writes, reads);
    }

    static double length(float[] rows, int from, int width) {
        double squares = 0;
        for (int i = from; i < from + width; i++) {
            squares += (double) rows[i] * rows[i];
        }
        return Math.sqrt(squares);
    }

    /** Scales a row; one without a direction, or that is to have no length, becomes zero. */
    static void setLength(float[] rows, int from, int width, double wanted) {
        double length = length(rows, from, width);
        double factor = wanted / length;
        for (int i = from; i < from + width; i++) {
            rows[i] = wanted > 0 && length > 0 ? (float) (rows[i] * factor) : 0;
        }
    }

    Site site() {
        return site;
    }

    int stage() {
        return stage;
    }

    int size() {
        return there.length;
    }

    Unit unit(int index) {
        return Unit.of(site, index);
    }

    boolean isThere(int index) {
        return there[index];
    }

    float[] writes() {
        return writes;
    }

    float[] reads() {
        return reads;
    }

    double writeLength(int index) {
        return length(writes, index * width, width);
    }

    double readLength(int index) {
        return length(reads, index * width, width);
    }

    StreamSite copy() {
        return new StreamSite(site, stage, width, there, writes.clone(), reads.clone());
    }

    /** Puts what each unit writes at other coordinates of the stream, and so what it reads, each unit by itself. */
    void shuffle(SplittableRandom random) {
        for (int unit = 0; unit < there.length; unit++) {
            Interrupt.checkThisThread();
            shuffle(writes, unit * width, random);
            shuffle(reads, unit * width, random);
        }
    }

    private void shuffle(float[] rows, int from, SplittableRandom random) {
        FisherYates.shuffle(width, random, (i, j) -> {
            float other = rows[from + j];
            rows[from + j] = rows[from + i];
            rows[from + i] = other;
        });
    }
}
