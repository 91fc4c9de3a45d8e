package io.modscan.core.internal.recording;

import io.modscan.core.safetensors.DType;
import java.nio.ShortBuffer;

/**
 * Numbers of 16 bits: IEEE 754 half precision (float16), and the upper half of a single-precision float (bfloat16). Rounding
 * is to the nearest, and to the even one of two that are equally near, as PyTorch, NumPy and processors round. What is too
 * large becomes infinite; NaN stays NaN, made quiet, with as much of its payload as there is room for. Java 17 has no such
 * conversion of its own.
 */
final class Halves {

    /** The magnitudes from which on a float32 rounds to infinity: 65520, and halfway from bfloat16's largest to 2^128. */
    static final int FLOAT16_OVERFLOW = Float.floatToRawIntBits(65520f);

    static final int BFLOAT16_OVERFLOW = 0x7f7f8000;

    /** What lies below it has fewer digits in float16 than other numbers have, or none: 2^-14. */
    static final int FLOAT16_NORMAL = Float.floatToRawIntBits(0x1p-14f);

    static final int INFINITY = 0x7f800000;

    /** What is read at once lies in a core's first cache. */
    private static final int AT_ONCE = 1 << 10;

    private static final int MAGNITUDE = 0x7fffffff;
    private static final int SIGN = 0x8000;

    /** A float's exponent stands from this bit on; below it is the fraction. */
    private static final int EXPONENT = 23;

    /** Where many are read, looking each up takes a fourth of the time. */
    private static final float[] OF_FLOAT16 = new float[1 << 16];

    static {
        for (int half = 0; half < OF_FLOAT16.length; half++) {
            OF_FLOAT16[half] = fromFloat16(half);
        }
    }

    private Halves() {}

    /**
     * Rounds to float16. No branch hangs on the value, since zeros and small numbers come mixed with others where a network has
     * rectified units.
     *
     * <p>Next to a number C = 2^(e+13), floats lie as far apart as float16's do that are at least 2^e and less than twice that, so
     * adding C rounds as asked; and what the sum's bits exceed those of C by is the number of these steps. Below 2^-14 float16's
     * steps grow no smaller, and neither does C.
     *
     * @param bits a float's
     * @return 16 bits, in the lower half
     */
    static int toFloat16(int bits) {
        int magnitude = bits & MAGNITUDE;
        // 65536 becomes infinity by the same steps, and so does what is beyond it.
        int clamped = Math.min(magnitude, 0x47800000);
        int scale = Math.max(clamped >> EXPONENT, 127 - 14);
        int c = (scale + 13) << EXPONENT;
        int steps = Float.floatToRawIntBits(Float.intBitsToFloat(clamped) + Float.intBitsToFloat(c)) - c;
        int half = ((scale - (127 - 14)) << 10) + steps;
        int nan = 0x7e00 | ((magnitude >> 13) & 0x3ff);
        return ((bits >>> 16) & SIGN) | (magnitude > INFINITY ? nan : half);
    }

    /**
     * The same number as a float.
     *
     * @param half 16 bits, in the lower half; what is above them does not count
     */
    static float fromFloat16(int half) {
        int sign = (half & SIGN) << 16;
        int magnitude = (half & 0x7fff) << 13;
        int exponent = magnitude & (0x1f << EXPONENT);
        if (exponent == 0) {
            // In steps of 2^-24, all of which are floats.
            float value = (half & 0x3ff) * 0x1p-24f;
            return Float.intBitsToFloat(Float.floatToRawIntBits(value) | sign);
        }
        int bias = exponent == (0x1f << EXPONENT) ? 255 - 31 : 127 - 15;
        return Float.intBitsToFloat((magnitude + (bias << EXPONENT)) | sign);
    }

    /**
     * Rounds to bfloat16.
     *
     * @param bits a float's
     * @return 16 bits, in the lower half
     */
    static int toBfloat16(int bits) {
        int rounded = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
        return (bits & MAGNITUDE) > INFINITY ? (bits >>> 16) | 0x40 : rounded;
    }

    /**
     * The same number as a float.
     *
     * @param half 16 bits, in the lower half
     */
    static float fromBfloat16(int half) {
        return Float.intBitsToFloat(half << 16);
    }

    /**
     * The same numbers as floats.
     *
     * @param type   F16 or BF16
     * @param halves from their position on, as many as there are floats
     */
    static void toFloats(DType type, ShortBuffer halves, float[] floats) {
        short[] some = new short[Math.min(floats.length, AT_ONCE)];
        for (int from = 0; from < floats.length; from += AT_ONCE) {
            int length = Math.min(AT_ONCE, floats.length - from);
            halves.get(some, 0, length);
            if (type == DType.F16) {
                for (int i = 0; i < length; i++) {
                    floats[from + i] = OF_FLOAT16[some[i] & 0xffff];
                }
            } else {
                for (int i = 0; i < length; i++) {
                    floats[from + i] = fromBfloat16(some[i]);
                }
            }
        }
    }
}
