package io.modscan.metrics.internal.graph;

/**
 * What some units have to do with some others, in single precision.
 *
 * @param top    the first row's unit
 * @param bottom the unit behind the last row's
 * @param left   the first column's unit, at least that of the first row
 * @param right  the unit behind the last column's
 * @param near   row by row, and perhaps more behind
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record NearTile(int top, int bottom, int left, int right, float[] near) {

    /** The columns behind a row's own, whose pairs with it have not been in the rows above. */
    int firstBehind(int row) {
        return Math.max(left, row + 1);
    }
}
