package io.modscan.core.internal.recording;

import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Counts the values of one reading that are NaN or infinite. What is so by design does not count: the loss of a first token,
 * and minus infinity where a query may not look at a key. Not safe for use by several threads.
 */
public final class NonFiniteCount {

    /** Read at once, so that what is looked at lies in the processor's own memory. */
    private static final int BLOCK = 1 << 10;

    private final Tally found;
    private final float[] block = new float[BLOCK];
    private final float[] sums = new float[BLOCK];

    public NonFiniteCount(Reading reading) {
        this.found = new Tally(reading);
    }

    /**
     * Looks at a prompt.
     *
     * @param id          the prompt's
     * @param row         its values, from 0 to the capacity
     * @param lossOfFirst whether a loss at the first position, or that of a single token, is NaN by design
     */
    public void add(String id, FloatBuffer row, boolean lossOfFirst) {
        int used = Math.min(BLOCK, row.capacity());
        Arrays.fill(sums, 0, used, 0f);
        for (int from = 0; from < row.capacity(); from += BLOCK) {
            int length = Math.min(BLOCK, row.capacity() - from);
            row.get(from, block, 0, length);
            addNothing(sums, block, length);
        }
        for (int i = 0; i < used; i++) {
            if (Float.isNaN(sums[i])) {
                count(id, row, lossOfFirst);
                return;
            }
        }
    }

    /** Without a branch for each value, and many at once: 0·x is NaN for what is not finite, and so is every sum that it is in. */
    private static void addNothing(float[] sums, float[] values, int length) {
        for (int i = 0; i < length; i++) {
            sums[i] += 0 * values[i];
        }
    }

    private void count(String id, FloatBuffer row, boolean lossOfFirst) {
        Site site = reading().site();
        int first = lossOfFirst && Derivation.isLoss(site) && isNoLoss(row) ? 1 : 0;
        boolean masks = site.isPairwise();
        found.add(id, row, first, value -> !Float.isFinite(value) && !(masks && value == Float.NEGATIVE_INFINITY));
    }

    private static boolean isNoLoss(FloatBuffer row) {
        return row.capacity() > 0 && Float.isNaN(row.get(0));
    }

    /** Takes in what another has counted of the same reading. */
    public void merge(NonFiniteCount other) {
        found.merge(other.found);
    }

    public Reading reading() {
        return found.reading();
    }

    public long values() {
        return found.values();
    }

    public long prompts() {
        return found.prompts();
    }

    /** The first, in order of ids, whatever the order in which they came. */
    public List<String> firstIds() {
        return found.firstIds();
    }

    /** For each unit of the site, in how many prompts it has such a value; empty if there is none at all. */
    public int[] promptsOfUnits() {
        return found.promptsOfUnits();
    }
}
