package io.modscan.openblas;

import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/** Products of a matrix by its own transpose, of which one half is computed and the other one is its mirror image. */
final class Halves {

    /** With fewer rows there is little to save. */
    private static final int LEAST_ROWS = 64;

    /** A side of what is mirrored at once: it stays in the first cache. */
    private static final int TILE = 32;

    private Halves() {}

    /** Whether a product of so many rows is computed so: in one piece, between two looks at the interrupt. */
    static boolean suit(int rows, int inner) {
        return rows >= LEAST_ROWS && (long) rows * rows <= OpenBlasAlgebra.MOST / inner;
    }

    /** Sets what is right of the diagonal to what is left of it. */
    static void mirror(FloatBuffer square, int n) {
        for (int top = 0; top < n; top += TILE) {
            for (int left = 0; left <= top; left += TILE) {
                for (int i = top; i < Math.min(n, top + TILE); i++) {
                    for (int j = left; j < Math.min(i, left + TILE); j++) {
                        square.put(j * n + i, square.get(i * n + j));
                    }
                }
            }
        }
    }

    /** Sets what is right of the diagonal to what is left of it. */
    static void mirror(DoubleBuffer square, int n) {
        for (int top = 0; top < n; top += TILE) {
            for (int left = 0; left <= top; left += TILE) {
                for (int i = top; i < Math.min(n, top + TILE); i++) {
                    for (int j = left; j < Math.min(i, left + TILE); j++) {
                        square.put(j * n + i, square.get(i * n + j));
                    }
                }
            }
        }
    }
}
