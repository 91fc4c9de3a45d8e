package io.modscan.metrics.internal.graph;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.metrics.internal.linear.DirectBuffers;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.function.Consumer;

/** The products of each pair of units' rows, once, tile by tile: never are all of them held. */
public final class PairTiles {

    private static final int MOST_ROWS = 1024;
    /** Of the rows of a tile. */
    private static final int MOST_VALUES = 1 << 23;

    private PairTiles() {}

    /** Gives some units' rows. */
    @FunctionalInterface
    public interface Rows {
        /** The rows of the units from one up to another, one behind the other, each of length 1. */
        DoubleBuffer of(int from, int to);
    }

    /**
     * Goes through all pairs, and multiplies in double precision.
     *
     * @param units  how many there are
     * @param length of a row, at least 1
     * @param rows   gives them
     * @param tiles  takes each tile
     */
    public static void forEach(int units, int length, Rows rows, Consumer<PairTile> tiles) {
        int most = Math.max(1, Math.min(MOST_ROWS, MOST_VALUES / length));
        for (int top = 0; top < units; top += most) {
            int bottom = Math.min(units, top + most);
            DoubleBuffer above = rows.of(top, bottom);
            for (int left = top; left < units; left += most) {
                Interrupt.checkThisThread();
                int right = Math.min(units, left + most);
                DoubleBuffer beside = left == top ? above : rows.of(left, right);
                double[] values = new double[(bottom - top) * (right - left)];
                LinearAlgebra.installed().timesTransposed(above, beside, length, DoubleBuffer.wrap(values));
                tiles.accept(new PairTile(top, bottom, left, right, values));
            }
        }
    }

    /** The error of a sum of products in single precision, of rows of length 1, is at most so much for each addition and each rounding, or hardly more. */
    private static final double ROUNDING = 0x1p-24;

    /** Values, products and the last sum are rounded once each, or so. */
    private static final int ROUNDED_BESIDES = 4;

    /** Up to so many values, rows are asked for once, and kept. */
    private static final int MOST_KEPT = 1 << 25;

    /** Gives some units' rows in single precision. */
    @FunctionalInterface
    public interface NearRows {
        /** Puts the rows of the units from one up to another into a direct buffer, one behind the other, each of length 1. */
        void put(int from, int to, FloatBuffer rows);
    }

    /** How far products in single precision of rows of such a length may be from exact ones. */
    public static double off(int length) {
        double rounded = ROUNDING * (length + ROUNDED_BESIDES);
        // More than 2 no two values are apart.
        return rounded < 0.5 ? Math.min(2, rounded / (1 - rounded)) : 2;
    }

    /**
     * Goes through all pairs, and multiplies in single precision, which takes half the time.
     *
     * @param units  how many there are
     * @param length of a row, at least 1
     * @param rows   gives them
     * @param tiles  takes each tile, whose values are overwritten by the next one
     */
    public static void forEachNear(int units, int length, NearRows rows, Consumer<NearTile> tiles) {
        int most = Math.min(units, Math.max(1, Math.min(MOST_ROWS, MOST_VALUES / length)));
        boolean kept = (long) units * length <= MOST_KEPT;
        FloatBuffer all = DirectBuffers.floats((long) (kept ? units : most) * length);
        FloatBuffer others = DirectBuffers.floats(kept ? 0 : (long) most * length);
        FloatBuffer product = DirectBuffers.floats((long) most * most);
        float[] near = new float[most * most];
        if (kept) {
            rows.put(0, units, all);
        }
        for (int top = 0; top < units; top += most) {
            int bottom = Math.min(units, top + most);
            FloatBuffer above =
                    kept ? all.slice(top * length, (bottom - top) * length) : asked(rows, top, bottom, length, all);
            for (int left = top; left < units; left += most) {
                Interrupt.checkThisThread();
                int right = Math.min(units, left + most);
                FloatBuffer beside = above;
                if (left > top) {
                    beside = kept
                            ? all.slice(left * length, (right - left) * length)
                            : asked(rows, left, right, length, others);
                }
                FloatBuffer ofTile = product.slice(0, (bottom - top) * (right - left));
                LinearAlgebra.installed().timesTransposed(above, beside, length, ofTile);
                ofTile.get(0, near, 0, ofTile.capacity());
                tiles.accept(new NearTile(top, bottom, left, right, near));
            }
        }
    }

    private static FloatBuffer asked(NearRows rows, int from, int to, int length, FloatBuffer room) {
        FloatBuffer some = room.slice(0, (to - from) * length);
        rows.put(from, to, some);
        return some;
    }
}
