package io.modscan.core.internal.recording;

import io.modscan.core.safetensors.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;

/**
 * Rounds floats to 16 bits, a block at a time, as {@link Halves} does one by one, in a third to a half of the time. Not safe for
 * use by several threads.
 *
 * <p>Each loop below is one that Java 17's compiler turns into vector instructions: over int or over float, without a branch, a
 * minimum or a move between the two types. So what is to be seen as the other type goes through a buffer.
 */
final class HalfBlock {

    /** Small enough for all of it to stay in a core's first cache. */
    static final int SIZE = 1 << 10;

    /** Lies above a value's 16 bits where the value is beyond the type's range, or no number. */
    private static final int BEYOND = 1 << 16;

    /** 2^16, which float16 no longer has. */
    private static final int TOP = 0x47800000;

    /** What float16's exponent 1 is as a float's, and from there to the number to be added. */
    private static final int LOWEST = (127 - 14) << 23;

    private static final int TO_ADD = 13 << 23;

    private final int[] bits = new int[SIZE];
    private final int[] rounded = new int[SIZE];
    private final int[] added = new int[SIZE];
    private final short[] halves = new short[SIZE];
    private final float[] floats = new float[SIZE];
    private final float[] addends = new float[SIZE];
    private final IntBuffer ints;
    private final FloatBuffer sameFloats;
    private int small;
    private int zeros;

    HalfBlock() {
        ByteBuffer both = ByteBuffer.allocateDirect(SIZE * Float.BYTES).order(ByteOrder.nativeOrder());
        this.ints = both.asIntBuffer();
        this.sameFloats = both.asFloatBuffer();
    }

    /**
     * Rounds some values.
     *
     * @param type F16 or BF16
     * @param from the values' bits, from an index on
     * @param into takes the values, from the same index on
     * @param length at most {@link #SIZE}
     * @return whether one of them is beyond the type's range, infinite or NaN
     */
    boolean round(DType type, IntBuffer from, ShortBuffer into, int at, int length) {
        from.get(at, bits, 0, length);
        if (type == DType.F16) {
            toFloat16(length);
            countSmall(bits, length);
        } else {
            toBfloat16(bits, rounded, length);
        }
        boolean beyond = (narrow(rounded, halves, length) & BEYOND) != 0;
        if (beyond) {
            // NaN is not told from infinity by the loops.
            for (int i = 0; i < length; i++) {
                halves[i] = (short) (type == DType.F16 ? Halves.toFloat16(bits[i]) : Halves.toBfloat16(bits[i]));
            }
        }
        into.put(at, halves, 0, length);
        return beyond;
    }

    /** How many values of the last float16 block are below its normal range, zeros left out. */
    int small() {
        return small;
    }

    /** How many values of the last float16 block were zero. */
    int zeros() {
        return zeros;
    }

    private void toFloat16(int length) {
        clamp(bits, rounded, length);
        ints.put(0, rounded, 0, length);
        sameFloats.get(0, floats, 0, length);
        toAdd(rounded, added, length);
        ints.put(0, added, 0, length);
        sameFloats.get(0, addends, 0, length);
        add(floats, addends, length);
        sameFloats.put(0, floats, 0, length);
        ints.get(0, rounded, 0, length);
        steps(rounded, added, length);
        sign(bits, rounded, length);
    }

    private static void clamp(int[] bits, int[] clamped, int length) {
        for (int i = 0; i < length; i++) {
            int over = (bits[i] & 0x7fffffff) - TOP;
            clamped[i] = TOP + (over & (over >> 31));
        }
    }

    private static void toAdd(int[] clamped, int[] added, int length) {
        for (int i = 0; i < length; i++) {
            int above = (clamped[i] & Halves.INFINITY) - LOWEST;
            added[i] = LOWEST + TO_ADD + (above & ~(above >> 31));
        }
    }

    private static void add(float[] values, float[] addends, int length) {
        for (int i = 0; i < length; i++) {
            values[i] = values[i] + addends[i];
        }
    }

    private static void steps(int[] sums, int[] added, int length) {
        for (int i = 0; i < length; i++) {
            sums[i] = sums[i] - added[i] + ((added[i] - LOWEST - TO_ADD) >> 13);
        }
    }

    private static void sign(int[] bits, int[] rounded, int length) {
        for (int i = 0; i < length; i++) {
            int beyond = ~((bits[i] & 0x7fffffff) - Halves.FLOAT16_OVERFLOW);
            rounded[i] = rounded[i] | ((bits[i] >>> 16) & 0x8000) | ((beyond >>> 15) & BEYOND);
        }
    }

    private static void toBfloat16(int[] bits, int[] rounded, int length) {
        for (int i = 0; i < length; i++) {
            int beyond = ~((bits[i] & 0x7fffffff) - Halves.BFLOAT16_OVERFLOW);
            rounded[i] = ((bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16) | ((beyond >>> 15) & BEYOND);
        }
    }

    private static int narrow(int[] rounded, short[] halves, int length) {
        int any = 0;
        for (int i = 0; i < length; i++) {
            int value = rounded[i];
            any |= value;
            halves[i] = (short) value;
        }
        return any;
    }

    private void countSmall(int[] bits, int length) {
        int below = 0;
        int none = 0;
        for (int i = 0; i < length; i++) {
            int magnitude = bits[i] & 0x7fffffff;
            below += (magnitude - Halves.FLOAT16_NORMAL) >>> 31;
            none += (magnitude - 1) >>> 31;
        }
        zeros = none;
        small = below - none;
    }
}
