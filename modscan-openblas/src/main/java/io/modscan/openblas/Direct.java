package io.modscan.openblas;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/** Memory that the library reads and writes where it is. */
final class Direct {

    private Direct() {}

    static boolean is(FloatBuffer buffer) {
        return buffer.isDirect() && buffer.order() == ByteOrder.nativeOrder();
    }

    static boolean is(DoubleBuffer buffer) {
        return buffer.isDirect() && buffer.order() == ByteOrder.nativeOrder();
    }

    static ByteBuffer bytes(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }

    /** A copy, whatever the position and limit. */
    static DoubleBuffer copy(DoubleBuffer from) {
        return bytes(Math.multiplyExact(from.capacity(), Double.BYTES))
                .asDoubleBuffer()
                .put(0, from.duplicate().clear(), 0, from.capacity());
    }
}
