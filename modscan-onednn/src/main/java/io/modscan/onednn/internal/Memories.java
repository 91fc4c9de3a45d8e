package io.modscan.onednn.internal;

import com.sun.jna.Native;

/** The system's own copy. */
final class Memories {

    static {
        Native.register(Memories.class, "c");
    }

    private Memories() {}

    static void copy(long from, long to, long bytes) {
        memcpy(to, from, bytes);
    }

    private static native long memcpy(long to, long from, long bytes);
}
