package io.modscan.core.internal.recording;

import java.nio.FloatBuffer;
import java.util.AbstractList;
import java.util.List;
import java.util.RandomAccess;

/**
 * Rows of values, of which some can be had without the rest: where values are stored as halves, a row takes time to compute. A
 * list of rows that has no such way is read through its rows. Safe for use by many threads.
 */
public abstract class RecordedRows extends AbstractList<FloatBuffer> implements RandomAccess {

    /** For those that know how. */
    protected RecordedRows() {}

    /**
     * Copies some of a row's values.
     *
     * @param index the row's
     * @param at    the first value's
     * @param into  as many as are wanted
     */
    public abstract void read(int index, int at, float[] into);

    /** How many values a row has. */
    public abstract int length(int index);

    /** How many values a row has. */
    public static int length(List<FloatBuffer> rows, int index) {
        return rows instanceof RecordedRows recorded
                ? recorded.length(index)
                : rows.get(index).capacity();
    }

    /** Copies some of a row's values, by whichever way there is. */
    public static void read(List<FloatBuffer> rows, int index, int at, float[] into) {
        if (rows instanceof RecordedRows recorded) {
            recorded.read(index, at, into);
        } else {
            rows.get(index).get(at, into);
        }
    }
}
