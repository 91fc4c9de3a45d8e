package io.modscan.metrics.internal.linear;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * Memory outside the heap that is lent for a while, and was filled with zeros, which takes as long as a product, only once. What is
 * in it at first is without meaning.
 */
public final class Scratch implements AutoCloseable {

    /** Larger ones are not kept. */
    private static final int MOST_BYTES = 1 << 24;

    private static final int MOST_KEPT = 4;

    private static final Deque<ByteBuffer> KEPT = new ArrayDeque<>();

    private final ByteBuffer bytes;

    private Scratch(ByteBuffer bytes) {
        this.bytes = bytes;
    }

    /** Lends room for so many numbers in double precision. */
    public static Scratch doubles(int values) {
        return new Scratch(take(Math.multiplyExact(values, Double.BYTES)));
    }

    private static ByteBuffer take(int size) {
        synchronized (KEPT) {
            // By an iterator, since buffers are compared by what is in them.
            for (Iterator<ByteBuffer> kept = KEPT.iterator(); kept.hasNext(); ) {
                ByteBuffer bytes = kept.next();
                if (bytes.capacity() >= size) {
                    kept.remove();
                    return bytes;
                }
            }
            // A smaller one makes room for what is needed now.
            if (KEPT.size() == MOST_KEPT) {
                KEPT.removeFirst();
            }
        }
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }

    /** The first so many numbers of it. */
    public DoubleBuffer doubleBuffer(int values) {
        return bytes.slice(0, values * Double.BYTES).order(bytes.order()).asDoubleBuffer();
    }

    @Override
    public void close() {
        synchronized (KEPT) {
            if (bytes.capacity() <= MOST_BYTES && KEPT.size() < MOST_KEPT) {
                KEPT.addLast(bytes);
            }
        }
    }
}
