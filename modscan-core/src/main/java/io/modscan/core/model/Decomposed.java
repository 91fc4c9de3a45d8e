package io.modscan.core.model;

/** What a matrix must be like to be decomposed. */
final class Decomposed {

    private Decomposed() {}

    static void checkCounts(String what, int most, int asked) {
        if (asked < 1 || asked > most) {
            throw new IllegalArgumentException(
                    "a matrix that has " + most + " " + what + " was asked for " + asked + "; ask for 1 at least");
        }
    }

    static void checkVectors(String what, int count, int length, int room) {
        if (room != 0 && room != (long) count * length) {
            throw new IllegalArgumentException(count + " " + what + " of " + length + " values do not fit in " + room
                    + " values; give room for all, or none");
        }
    }

    /** Libraries take NaN for a number, and some never end. */
    static void checkFinite(double[] matrix, int columns) {
        for (int at = 0; at < matrix.length; at++) {
            if (!Double.isFinite(matrix[at])) {
                throw new IllegalArgumentException("a matrix can be decomposed if all values are finite; at ["
                        + at / columns + ", " + at % columns + "] is " + matrix[at]);
            }
        }
    }
}
