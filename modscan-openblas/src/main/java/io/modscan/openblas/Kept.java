package io.modscan.openblas;

import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.IntBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/** Direct memory that is used again: to fill it with zeros anew would take a share of the time in which a matrix is decomposed. */
final class Kept {

    /** Larger ones are not kept: what is done in them takes so long that zeros don't matter. */
    private static final int MOST_BYTES = 1 << 25;

    private static final int MOST = 2;

    private static final Deque<ByteBuffer> ALL = new ArrayDeque<>();

    private final ByteBuffer bytes;
    private int end;

    private Kept(ByteBuffer bytes) {
        this.bytes = bytes;
    }

    /** Room for so many numbers. */
    static Kept of(long doubles, int ints) {
        int size = Math.toIntExact(doubles * Double.BYTES + (long) ints * Integer.BYTES);
        synchronized (ALL) {
            // By an iterator, since buffers are compared by what is in them.
            for (Iterator<ByteBuffer> all = ALL.iterator(); all.hasNext(); ) {
                ByteBuffer bytes = all.next();
                if (bytes.capacity() >= size) {
                    all.remove();
                    return new Kept(bytes);
                }
            }
            // A smaller one makes room for what is needed now.
            if (ALL.size() == MOST) {
                ALL.removeFirst();
            }
        }
        return new Kept(Direct.bytes(size));
    }

    /** The next ones of it; what is in them is without meaning. */
    DoubleBuffer doubles(int count) {
        return next(count * Double.BYTES).asDoubleBuffer();
    }

    /** The next ones of it; what is in them is without meaning. */
    IntBuffer ints(int count) {
        return next(count * Integer.BYTES).asIntBuffer();
    }

    private ByteBuffer next(int size) {
        ByteBuffer next = bytes.slice(end, size).order(bytes.order());
        end += size;
        return next;
    }

    /** Keeps it for the next one who asks. Who may still write to it, such as after an interrupt, doesn't call this. */
    void giveBack() {
        synchronized (ALL) {
            if (bytes.capacity() <= MOST_BYTES && ALL.size() < MOST) {
                ALL.addLast(bytes);
            }
        }
    }
}
