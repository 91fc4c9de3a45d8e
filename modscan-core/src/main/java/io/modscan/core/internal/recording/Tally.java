package io.modscan.core.internal.recording;

import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.TreeSet;

/** Some values of one reading, counted: how many they are, of which units, in which prompts. Not safe for use by several threads. */
final class Tally {

    /** How many prompts are named. */
    private static final int MOST_NAMED = 5;

    private final Reading reading;
    private final TreeSet<String> firstIds = new TreeSet<>();
    private long values;
    private long prompts;
    /** In how many prompts each unit has such a value; empty while none has. */
    private int[] promptsOfUnits = new int[0];

    Tally(Reading reading) {
        this.reading = reading;
    }

    /** Says of a value whether it counts. */
    @FunctionalInterface
    interface Counted {
        /** Whether it does. */
        boolean counts(float value);
    }

    /**
     * Counts a prompt's values.
     *
     * @param id    the prompt's
     * @param row   its values, from 0 to the capacity
     * @param first the index of the first to be looked at
     */
    void add(String id, FloatBuffer row, int first, Counted which) {
        Site site = reading.site();
        int width = site.width();
        // Of patterns a head's queries and keys lie together; of all else each position has all units.
        int stretch = site.isPairwise() ? Math.max(1, row.capacity() / width) : 1;
        boolean[] here = new boolean[width];
        long found = 0;
        for (int i = first; i < row.capacity(); i++) {
            if (which.counts(row.get(i))) {
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

    private void named(String id) {
        firstIds.add(id);
        if (firstIds.size() > MOST_NAMED) {
            firstIds.pollLast();
        }
    }

    /** Takes in what another has counted of the same reading. */
    void merge(Tally other) {
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

    Reading reading() {
        return reading;
    }

    long values() {
        return values;
    }

    long prompts() {
        return prompts;
    }

    /** The first, in order of ids, whatever the order in which they came. */
    List<String> firstIds() {
        return List.copyOf(firstIds);
    }

    /** For each unit of the site, in how many prompts it has such a value; empty if there is none at all. */
    int[] promptsOfUnits() {
        return promptsOfUnits.clone();
    }
}
