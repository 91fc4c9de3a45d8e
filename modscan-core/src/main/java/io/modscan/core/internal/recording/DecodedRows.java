package io.modscan.core.internal.recording;

import java.lang.ref.SoftReference;
import java.nio.FloatBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Rows that were computed from what is stored, kept for a while since a row is asked for often: up to an eighth of the heap, those
 * that were asked for last; and none of them where memory is short. Safe for use by many threads.
 */
final class DecodedRows {

    private final long most;
    private SoftReference<Lately> kept = new SoftReference<>(null);

    private record Key(int reading, int prompt) {}

    private static final class Lately {
        private final Map<Key, FloatBuffer> rows = new LinkedHashMap<>(16, 0.75f, true);
        private long bytes;
    }

    DecodedRows() {
        this(Runtime.getRuntime().maxMemory() / 8);
    }

    /** Keeps so many bytes. */
    DecodedRows(long most) {
        this.most = most;
    }

    /** Gives a row, computed if it is not there. Two threads that ask for the same at once may both compute it. */
    FloatBuffer get(int reading, int prompt, Supplier<FloatBuffer> computed) {
        Key key = new Key(reading, prompt);
        FloatBuffer row = find(key);
        if (row == null) {
            row = computed.get();
            keep(key, row);
        }
        return row.duplicate();
    }

    private synchronized @Nullable FloatBuffer find(Key key) {
        Lately lately = kept.get();
        return lately == null ? null : lately.rows.get(key);
    }

    private synchronized void keep(Key key, FloatBuffer row) {
        Lately lately = kept.get();
        if (lately == null) {
            lately = new Lately();
            kept = new SoftReference<>(lately);
        }
        FloatBuffer before = lately.rows.put(key, row);
        lately.bytes += bytes(row) - (before == null ? 0 : bytes(before));
        var oldest = lately.rows.values().iterator();
        while (lately.bytes > most && lately.rows.size() > 1) {
            lately.bytes -= bytes(oldest.next());
            oldest.remove();
        }
    }

    /** With about what an entry takes beside the values. */
    private static long bytes(FloatBuffer row) {
        return 200 + (long) row.capacity() * Float.BYTES;
    }
}
