package io.modscan.onednn.internal;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.lang.ref.Cleaner;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a thread needs to compute: a stream, and memory that grows to the most that any operator needed and is used by all. */
final class Workspace {

    private static final Cleaner CLEANER = Cleaner.create();

    private static final ThreadLocal<Workspace> OF_THREAD = ThreadLocal.withInitial(Workspace::new);

    /** oneDNN's kernels are fastest on whole cache lines. */
    private static final int ALIGNMENT = 64;

    private static final int ARGUMENTS = 8;
    private static final int ARGUMENT = 16;

    final long stream;
    /** For what functions give back. */
    final Memory out = new Memory(16 * Long.BYTES);

    final Memory arguments = new Memory(ARGUMENTS * ARGUMENT);
    final Primitives primitives = new Primitives();
    private int threads;
    private final Map<Slot, Memory> scratch = new EnumMap<>(Slot.class);

    /** What is held at the same time. */
    enum Slot {
        SOURCE,
        PROJECTED,
        SCORES,
        PATTERN,
        PRIMITIVE
    }

    private Workspace() {
        long[] created = new long[1];
        Dnnl.check(
                Dnnl.dnnl_stream_create(created, DnnlLibrary.get().engine(), Dnnl.IN_ORDER), "begin a stream of work");
        long made = created[0];
        this.stream = made;
        Primitives held = primitives;
        CLEANER.register(this, () -> {
            held.close();
            Dnnl.dnnl_stream_destroy(made);
        });
    }

    /** That of the current thread. */
    static Workspace get() {
        return OF_THREAD.get();
    }

    /** How many threads what is computed here uses. */
    void useThreads(int count) {
        if (count != threads) {
            DnnlLibrary.get().useThreads(count);
            threads = count;
        }
    }

    /** The address of memory for so many bytes, which the next call for the same slot may take back. */
    long scratch(Slot slot, long bytes) {
        if (bytes == 0) {
            return 0;
        }
        @Nullable Memory held = scratch.get(slot);
        if (held == null || held.size() < bytes + ALIGNMENT) {
            if (held != null) {
                held.close();
            }
            held = new Memory(bytes + bytes / 8 + ALIGNMENT);
            scratch.put(slot, held);
        }
        long address = Pointer.nativeValue(held);
        return (address + ALIGNMENT - 1) & -ALIGNMENT;
    }
}
