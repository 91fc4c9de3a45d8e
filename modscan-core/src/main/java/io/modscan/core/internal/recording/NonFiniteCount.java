package io.modscan.core.internal.recording;

import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

/**
 * Counts the values of one reading that are NaN or infinite. What is so by design does not count: the loss of a first token,
 * and minus infinity where a query may not look at a key. Not safe for use by several threads.
 */
public final class NonFiniteCount {

    /** How many prompts are named. */
    private static final int MOST_NAMED = 5;

    /** Read at once, so that what is looked at lies in the processor's own memory. */
    private static final int BLOCK = 1 << 10;

    private final Reading reading;
    private final TreeSet<String> firstIds = new TreeSet<>();
    private final float[] block = new float[BLOCK];
    private final float[] sums = new float[BLOCK];
    private long values;
    private long prompts;
    /** In how many prompts each unit has such a value; empty while none has. */
    private int[] promptsOfUnits = new int[0];

    public NonFiniteCount(Reading reading) {
        this.reading = reading;
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
        Site site = reading.site();
        int width = site.width();
        // Of patterns a head's queries and keys lie together; of all else each position has all units.
        int stretch = site.isPairwise() ? Math.max(1, row.capacity() / width) : 1;
        int first = lossOfFirst && Derivation.isLoss(site) && isNoLoss(row) ? 1 : 0;
        boolean[] here = new boolean[width];
        long found = 0;
        for (int i = first; i < row.capacity(); i++) {
            float value = row.get(i);
            boolean masked = site.isPairwise() && value == Float.NEGATIVE_INFINITY;
            if (!Float.isFinite(value) && !masked) {
                here[i / stretch % width] = true;
                found++;
            }
        }
        if (found == 0) {
            return;
        }
        values += found;
        prompts++;
        named(id);
        promptsOfUnits = promptsOfUnits.length == 0 ? new int[width] : promptsOfUnits;
        for (int unit = 0; unit < width; unit++) {
            promptsOfUnits[unit] += here[unit] ? 1 : 0;
        }
    }

    private static boolean isNoLoss(FloatBuffer row) {
        return row.capacity() > 0 && Float.isNaN(row.get(0));
    }

    private void named(String id) {
        firstIds.add(id);
        if (firstIds.size() > MOST_NAMED) {
            firstIds.pollLast();
        }
    }

    /** Takes in what another has counted of the same reading. */
    public void merge(NonFiniteCount other) {
        values += other.values;
        prompts += other.prompts;
        other.firstIds.forEach(this::named);
        if (promptsOfUnits.length == 0) {
            promptsOfUnits = other.promptsOfUnits.clone();
        } else {
            for (int unit = 0; unit < other.promptsOfUnits.length; unit++) {
                promptsOfUnits[unit] += other.promptsOfUnits[unit];
            }
        }
    }

    public Reading reading() {
        return reading;
    }

    public long values() {
        return values;
    }

    public long prompts() {
        return prompts;
    }

    /** The first, in order of ids, whatever the order in which they came. */
    public List<String> firstIds() {
        return List.copyOf(firstIds);
    }

    /** For each unit of the site, in how many prompts it has such a value; empty if there is none at all. */
    public int[] promptsOfUnits() {
        return promptsOfUnits.clone();
    }
}
