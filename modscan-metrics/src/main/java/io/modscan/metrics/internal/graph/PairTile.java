package io.modscan.metrics.internal.graph;

/**
 * What some units have to do with some others, in [−1, 1]: a tile on the diagonal has each of its pairs twice, and units with
 * themselves.
 *
 * @param top    the first row's unit
 * @param bottom the unit behind the last row's
 * @param left   the first column's unit, at least that of the first row
 * @param right  the unit behind the last column's
 * @param values row by row; rounding may have left [−1, 1] by a little
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
public record PairTile(int top, int bottom, int left, int right, double[] values) {

    /** The value of a pair. */
    public double get(int row, int column) {
        return Math.max(-1, Math.min(1, values[(row - top) * (right - left) + column - left]));
    }

    /** The columns behind a row's own, whose pairs with it have not been in the rows above. */
    public int firstBehind(int row) {
        return Math.max(left, row + 1);
    }
}
