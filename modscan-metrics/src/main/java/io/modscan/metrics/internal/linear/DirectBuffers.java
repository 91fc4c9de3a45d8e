package io.modscan.metrics.internal.linear;

import io.modscan.core.error.ModscanException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/** Buffers outside the heap, which native matrix products read without a copy. */
public final class DirectBuffers {

    private DirectBuffers() {}

    /** A buffer of so many numbers in double precision. */
    public static DoubleBuffer doubles(long values) {
        return bytes(values * Double.BYTES).asDoubleBuffer();
    }

    /** A buffer of so many numbers in single precision. */
    public static FloatBuffer floats(long values) {
        return bytes(values * Float.BYTES).asFloatBuffer();
    }

    private static ByteBuffer bytes(long size) {
        try {
            return ByteBuffer.allocateDirect(Math.toIntExact(size)).order(ByteOrder.nativeOrder());
        } catch (OutOfMemoryError e) {
            throw new ModscanException(
                    "there is no memory for a matrix of " + size + " bytes outside of Java's heap: give more"
                            + " (-XX:MaxDirectMemorySize, as much as -Xmx unless given), or measure fewer prompts or units",
                    e);
        }
    }
}
