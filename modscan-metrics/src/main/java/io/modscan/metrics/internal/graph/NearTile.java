package io.modscan.metrics.internal.graph;

/**
 * About what some units have to do with some others, in single precision, and exactly for those pairs that it is asked for: most are
 * too far from a link to need it.
 *
 * @param top    the first row's unit
 * @param bottom the unit behind the last row's
 * @param left   the first column's unit, at least that of the first row
 * @param right  the unit behind the last column's
 * @param near   row by row, and perhaps more behind
 * @param off    how far a value may be from the exact one
 * @param exact  gives the exact one; safe for use by many threads
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record NearTile(int top, int bottom, int left, int right, float[] near, double off, Exact exact) {

    /** The value of a pair. */
    @FunctionalInterface
    public interface Exact {
        double of(int row, int column);
    }

    /** Of values that are exact. */
    public static NearTile of(int top, int bottom, int left, int right, float[] values) {
        return new NearTile(
                top, bottom, left, right, values, 0, (i, j) -> values[(i - top) * (right - left) + j - left]);
    }

    /** The columns behind a row's own, whose pairs with it have not been in the rows above. */
    int firstBehind(int row) {
        return Math.max(left, row + 1);
    }
}
