package io.modscan.onednn.internal;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.modscan.onednn.internal.Workspace.Slot;
import java.util.List;

/** Weights, rearranged once for the products of all batches; several of one input are one matrix. */
final class Matrix implements AutoCloseable {

    /** For which number of rows float32 weights are laid out; others take the same layout. */
    private static final long USUAL_ROWS = 512;

    private final int type;
    private final long inner;
    private final long columns;
    private final Layout layout;
    private final Memory packed;
    private final Memory bias;

    /**
     * One matrix as it is stored.
     *
     * @param address of its values
     * @param type    of these
     * @param columns of the product
     * @param bias    the address of a bias in float32, or 0
     */
    record Stored(long address, int type, long columns, long bias) {}

    /**
     * Rearranges.
     *
     * @param type  that products are computed in
     * @param inner what all have in common
     * @param byRow whether each is [columns, inner], or else [inner, columns], and then there is one
     */
    Matrix(Workspace workspace, int type, long inner, boolean byRow, List<Stored> parts) {
        this.type = type;
        this.inner = inner;
        this.columns = parts.stream().mapToLong(Stored::columns).sum();
        this.layout = Layout.copy(product(workspace, USUAL_ROWS, Dnnl.F32, false, false).weights().handle);
        this.packed = new Memory(layout.bytes() + 64);
        this.bias = new Memory(columns * Float.BYTES);
        bias.clear();
        long strideColumn = byRow ? inner : 1;
        long strideInner = byRow ? 1 : columns;
        int bytes = type == Dnnl.F32 ? Float.BYTES : Short.BYTES;
        try (Memory plain = new Memory(inner * columns * bytes)) {
            long begin = 0;
            for (Stored part : parts) {
                long[] lengths = {inner, part.columns()};
                long[] strides = {strideInner, strideColumn};
                try (Layout from = Layout.strided(part.type(), lengths, strides);
                        Layout to = Layout.strided(type, lengths, strides)) {
                    convert(workspace, from, part.address(), to, Pointer.nativeValue(plain) + begin * inner * bytes);
                }
                if (part.bias() != 0) {
                    bias.write(
                            begin * Float.BYTES,
                            new Pointer(part.bias()).getFloatArray(0, (int) part.columns()),
                            0,
                            (int) part.columns());
                }
                begin += part.columns();
            }
            try (Layout from =
                    Layout.strided(type, new long[] {inner, columns}, new long[] {strideInner, strideColumn})) {
                convert(workspace, from, Pointer.nativeValue(plain), layout, address());
            }
        }
    }

    private long address() {
        return (Pointer.nativeValue(packed) + 63) & -64;
    }

    private static void convert(Workspace workspace, Layout from, long address, Layout to, long target) {
        try (Primitive reorder = Primitive.reorder(from, to);
                Arguments arguments = new Arguments(workspace)) {
            arguments.add(Dnnl.SRC, from, address).add(Dnnl.DST, to, target);
            reorder.run(workspace, arguments);
        }
    }

    long columns() {
        return columns;
    }

    /**
     * Multiplies.
     *
     * @param source  the address of [rows, inner] in float32
     * @param target  the address of [rows, columns]
     * @param of      the type of the target
     * @param relu    whether what is negative becomes 0
     * @param added   whether it is added to what is in the target
     */
    void multiply(Workspace workspace, long rows, long source, long target, int of, boolean relu, boolean added) {
        long from = type == Dnnl.F32 ? source : rounded(workspace, rows * inner, source);
        Primitive product = product(workspace, rows, of, relu, added);
        try (Arguments arguments = new Arguments(workspace);
                Layout src = Layout.rows(type, rows, inner);
                Layout dst = Layout.rows(of, rows, columns);
                Layout vector = Layout.rows(Dnnl.F32, 1, columns)) {
            arguments
                    .add(Dnnl.SRC, src, from)
                    .add(Dnnl.WEIGHTS, layout, address())
                    .add(Dnnl.BIAS, vector, Pointer.nativeValue(bias))
                    .add(Dnnl.DST, dst, target);
            product.run(workspace, arguments);
        }
    }

    /** The address of so many values in bfloat16. */
    private static long rounded(Workspace workspace, long count, long source) {
        long target = workspace.scratch(Slot.SOURCE, count * Short.BYTES);
        round(workspace, count, source, target);
        return target;
    }

    static void round(Workspace workspace, long count, long source, long target) {
        try (Layout from = Layout.rows(Dnnl.F32, count);
                Layout to = Layout.rows(Dnnl.BF16, count);
                Arguments arguments = new Arguments(workspace)) {
            arguments.add(Dnnl.SRC, from, source).add(Dnnl.DST, to, target);
            workspace
                    .primitives
                    .get(List.of("round", count), () -> Primitive.reorder(from, to))
                    .run(workspace, arguments);
        }
    }

    /** In bfloat16 one kernel serves any number of rows; in float32 that one would be the slower. */
    private Primitive product(Workspace workspace, long rows, int of, boolean relu, boolean added) {
        long known = type == Dnnl.F32 ? rows : Dnnl.RUN_TIME;
        return workspace.primitives.get(
                List.of("product", known, inner, columns, type, of, relu, added),
                () -> product(known, of, relu, added));
    }

    private Primitive product(long rows, int of, boolean relu, boolean added) {
        try (Layout src = Layout.rows(type, rows, inner);
                Layout weights = layout == null ? Layout.any(type, inner, columns) : Layout.copy(layout.handle);
                Layout vector = Layout.rows(Dnnl.F32, 1, columns);
                Layout dst = Layout.rows(of, rows, columns)) {
            return Primitive.of(
                    "a product of " + inner + " by " + columns,
                    operations -> {
                        if (relu) {
                            Dnnl.check(Dnnl.dnnl_post_ops_append_eltwise(operations, Dnnl.RELU, 0, 0), "append ReLU");
                        }
                        if (added) {
                            Dnnl.check(Dnnl.dnnl_post_ops_append_sum(operations, 1, 0, 0), "append a sum");
                        }
                    },
                    (made, attributes) -> Dnnl.dnnl_matmul_primitive_desc_create(
                            made,
                            DnnlLibrary.get().engine(),
                            src.handle,
                            weights.handle,
                            vector.handle,
                            dst.handle,
                            attributes));
        }
    }

    @Override
    public void close() {
        layout.close();
        packed.close();
        bias.close();
    }
}
