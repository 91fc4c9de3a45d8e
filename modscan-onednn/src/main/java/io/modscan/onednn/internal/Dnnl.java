package io.modscan.onednn.internal;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * What we use of oneDNN's C API, version 3 (its header dnnl.h says what each function takes). Handles and addresses are longs; functions
 * return 0, or a status that {@link #check} makes an exception of. Use it only when {@link DnnlLibrary} has loaded it.
 */
final class Dnnl {

    static final int F16 = 1;
    static final int BF16 = 2;
    static final int F32 = 3;

    static final int ANY_LAYOUT = 1;

    static final int SRC = 1;
    static final int DST = 17;
    static final int WEIGHTS = 33;
    static final int BIAS = 41;
    static final int SCALE = 51;
    static final int SHIFT = 52;
    static final int SCRATCHPAD = 80;

    /** The second factor of the n-th operation that goes behind a primitive. */
    static int behind(int n) {
        return 32768 * (n + 1) | 2;
    }

    static final int LINEAR = 38;
    static final int HARDSWISH = 52;
    static final int ADD = 0x1fff0;
    static final int SOFTMAX = 0x30000;

    static final int INFERENCE = 96;
    static final int USE_SCALE = 2;
    static final int USE_SHIFT = 4;
    static final int SCRATCHPAD_OF_USER = 1;

    static final int WEIGHTS_LAYOUT = 131;
    static final int SCRATCHPAD_LAYOUT = 136;

    static final int CPU = 1;
    static final int IN_ORDER = 1;

    private Dnnl() {}

    static void bind(NativeLibrary library) {
        Native.register(Dnnl.class, library);
    }

    /** @param what was done, for the message */
    static void check(int status, String what) {
        if (status != 0) {
            throw new IllegalStateException("oneDNN cannot " + what + " (status " + status
                    + (status == 1
                            ? ", out of memory"
                            : status == 3 ? ", not implemented for these shapes and types" : "")
                    + ")");
        }
    }

    static native Pointer dnnl_version();

    static native int dnnl_get_effective_cpu_isa();

    static native int dnnl_engine_create(long[] engine, int kind, long index);

    static native int dnnl_stream_create(long[] stream, long engine, int flags);

    static native int dnnl_stream_destroy(long stream);

    static native int dnnl_stream_wait(long stream);

    static native int dnnl_memory_desc_create_with_strides(
            long[] layout, int axes, long[] lengths, int type, long[] strides);

    static native int dnnl_memory_desc_create_with_tag(long[] layout, int axes, long[] lengths, int type, int tag);

    static native int dnnl_memory_desc_clone(long[] copy, long layout);

    static native int dnnl_memory_desc_destroy(long layout);

    static native long dnnl_memory_desc_get_size(long layout);

    static native int dnnl_memory_desc_equal(long one, long other);

    static native int dnnl_memory_create(long[] memory, long layout, long engine, long address);

    static native int dnnl_memory_destroy(long memory);

    static native int dnnl_post_ops_create(long[] operations);

    static native int dnnl_post_ops_destroy(long operations);

    static native int dnnl_post_ops_append_eltwise(long operations, int algorithm, float alpha, float beta);

    static native int dnnl_post_ops_append_binary(long operations, int algorithm, long layout);

    static native int dnnl_primitive_attr_create(long[] attributes);

    static native int dnnl_primitive_attr_destroy(long attributes);

    static native int dnnl_primitive_attr_set_post_ops(long attributes, long operations);

    static native int dnnl_primitive_attr_set_scratchpad_mode(long attributes, int mode);

    static native int dnnl_matmul_primitive_desc_create(
            long[] description, long engine, long src, long weights, long bias, long dst, long attributes);

    static native int dnnl_layer_normalization_forward_primitive_desc_create(
            long[] description,
            long engine,
            int kind,
            long src,
            long dst,
            long statistics,
            float epsilon,
            int flags,
            long attributes);

    static native int dnnl_softmax_forward_primitive_desc_create(
            long[] description, long engine, int kind, int algorithm, long src, long dst, int axis, long attributes);

    static native int dnnl_reorder_primitive_desc_create(
            long[] description, long src, long srcEngine, long dst, long dstEngine, long attributes);

    static native long dnnl_primitive_desc_query_md(long description, int what, int index);

    static native int dnnl_primitive_desc_destroy(long description);

    static native int dnnl_primitive_create(long[] primitive, long description);

    static native int dnnl_primitive_destroy(long primitive);

    /** @param arguments an array of structures of an int, four bytes of nothing, and a memory's handle */
    static native int dnnl_primitive_execute(long primitive, long stream, int count, Pointer arguments);
}
