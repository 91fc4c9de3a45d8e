package io.modscan.onednn.internal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How a tensor lies in memory: its type, the lengths of its axes, and how far apart they are. Closed by whoever makes it. */
final class Layout implements AutoCloseable {

    private static final List<Layout> KNOWN = new ArrayList<>();

    final long handle;

    private Layout(long handle) {
        this.handle = handle;
    }

    /** Row by row. */
    static Layout rows(int type, long... lengths) {
        long[] strides = new long[lengths.length];
        long stride = 1;
        for (int axis = lengths.length - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= lengths[axis];
        }
        return strided(type, lengths, strides);
    }

    static Layout strided(int type, long[] lengths, long[] strides) {
        long[] created = new long[1];
        Dnnl.check(
                Dnnl.dnnl_memory_desc_create_with_strides(
                        created, lengths.length, padded(lengths), type, padded(strides)),
                "lay out a tensor");
        return new Layout(created[0]);
    }

    /** As oneDNN likes it best. */
    static Layout any(int type, long... lengths) {
        long[] created = new long[1];
        Dnnl.check(
                Dnnl.dnnl_memory_desc_create_with_tag(created, lengths.length, padded(lengths), type, Dnnl.ANY_LAYOUT),
                "lay out a tensor");
        return new Layout(created[0]);
    }

    /** A copy of a layout that belongs to a primitive. */
    static Layout copy(long handle) {
        long[] created = new long[1];
        Dnnl.check(Dnnl.dnnl_memory_desc_clone(created, handle), "copy a layout");
        return new Layout(created[0]);
    }

    /** A number that equal layouts have in common. There are few, and they are kept. */
    int number() {
        synchronized (KNOWN) {
            for (int i = 0; i < KNOWN.size(); i++) {
                if (Dnnl.dnnl_memory_desc_equal(KNOWN.get(i).handle, handle) == 1) {
                    return i;
                }
            }
            KNOWN.add(copy(handle));
            return KNOWN.size() - 1;
        }
    }

    /** oneDNN reads arrays of twelve whatever the number of axes. */
    private static long[] padded(long[] values) {
        return Arrays.copyOf(values, 12);
    }

    long bytes() {
        return Dnnl.dnnl_memory_desc_get_size(handle);
    }

    @Override
    public void close() {
        Dnnl.dnnl_memory_desc_destroy(handle);
    }
}
