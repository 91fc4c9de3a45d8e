package io.modscan.onednn.internal;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What it takes to compute: a stream, kernels, and memory that grows to the most that any operator needed and is used by all. For one
 * thread at a time, and for one number of threads that its kernels use.
 */
final class Workspace {

    /** oneDNN's kernels are fastest on whole cache lines. */
    private static final int ALIGNMENT = 64;

    private static final int ARGUMENTS = 8;
    private static final int ARGUMENT = 16;

    final long stream;
    /** For what functions give back. */
    final Memory out = new Memory(16 * Long.BYTES);

    final Memory arguments = new Memory(ARGUMENTS * ARGUMENT);
    final Primitives primitives = new Primitives();
    private final Map<Slot, Memory> scratch = new EnumMap<>(Slot.class);

    /** What is held at the same time. */
    enum Slot {
        SOURCE,
        PROJECTED,
        SCORES,
        PATTERN,
        PRIMITIVE
    }

    /** Memory of more is given back behind each operator: long prompts are rare, and it is much for each run at a time. */
    private static final long KEPT = 1L << 26;

    Workspace() {
        long[] created = new long[1];
        Dnnl.check(
                Dnnl.dnnl_stream_create(created, DnnlLibrary.get().engine(), Dnnl.IN_ORDER), "begin a stream of work");
        this.stream = created[0];
    }

    /** Ends the work of one operator. */
    void tidy() {
        scratch.values().removeIf(held -> {
            boolean large = held.size() > KEPT;
            if (large) {
                held.close();
            }
            return large;
        });
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
