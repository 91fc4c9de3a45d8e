package io.modscan.onednn.internal;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.modscan.onednn.internal.Workspace.Slot;
import java.util.List;

/** Weights, rearranged once for the products of all batches; several of one input are one matrix. */
final class Matrix implements AutoCloseable {

    /** For which number of rows weights are laid out; others take the same layout. */
    private static final long USUAL_ROWS = 512;

    /**
     * A kernel in bfloat16 takes milliseconds to make, as long as it takes to run, so there is one for each multiple of so many rows; the rest is
     * computed with as many of those before it, again. (A kernel of oneDNN 3.11 for any number of rows is wrong for some.)
     */
    private static final long TILE = 16;

    /** What is positive is multiplied by 1: by this much it is above 1, but for values below 1e-38. */
    private static final float STEEP = 1e38f;

    private final int type;
    private final long inner;
    private final long columns;
    private final Layout layout;
    private final int layoutNumber;
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
        try (Layout any = Layout.any(type, inner, columns);
                Primitive usual = product(any, USUAL_ROWS, Dnnl.F32, false, false)) {
            this.layout = Layout.copy(usual.weights().handle);
        }
        this.layoutNumber = layout.number();
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
                    long target = Pointer.nativeValue(plain) + begin * inner * bytes;
                    if (part.type() == Dnnl.F16 && type == Dnnl.BF16) {
                        byWayOfFloats(workspace, from, part.address(), to, target, lengths, strides);
                    } else {
                        convert(workspace, from, part.address(), to, target);
                    }
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

    /** Most processors have no conversion from the one half to the other. */
    private static void byWayOfFloats(
            Workspace workspace, Layout from, long address, Layout to, long target, long[] lengths, long[] strides) {
        try (Layout floats = Layout.strided(Dnnl.F32, lengths, strides);
                Memory between = new Memory(floats.bytes())) {
            convert(workspace, from, address, floats, Pointer.nativeValue(between));
            convert(workspace, floats, Pointer.nativeValue(between), to, target);
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
     * Where a product goes, and what goes with it.
     *
     * @param address  of [rows, columns]
     * @param type     of these
     * @param relu     whether what is negative becomes 0
     * @param residual the address of what is added, [rows, columns] in float32, or 0
     */
    record Target(long address, int type, boolean relu, long residual) {

        private Target from(long row, long columns) {
            long values = row * columns;
            return new Target(
                    address + values * (type == Dnnl.F32 ? Float.BYTES : Short.BYTES),
                    type,
                    relu,
                    residual == 0 ? 0 : residual + values * Float.BYTES);
        }
    }

    /**
     * Multiplies.
     *
     * @param source the address of [rows, inner] in float32
     */
    void multiply(Workspace workspace, long rows, long source, Target target) {
        if (type == Dnnl.F32) {
            run(workspace, rows, source, target);
            return;
        }
        long from = rounded(workspace, rows * inner, source);
        long whole = rows <= TILE ? rows : rows - rows % TILE;
        run(workspace, whole, from, target);
        if (whole < rows) {
            long last = rows - TILE;
            run(workspace, TILE, from + last * inner * Short.BYTES, target.from(last, columns));
        }
    }

    private void run(Workspace workspace, long rows, long source, Target target) {
        try (Arguments arguments = new Arguments(workspace);
                Layout src = Layout.rows(type, rows, inner);
                Layout dst = Layout.rows(target.type(), rows, columns);
                Layout vector = Layout.rows(Dnnl.F32, 1, columns)) {
            arguments
                    .add(Dnnl.SRC, src, source)
                    .add(Dnnl.WEIGHTS, layout, address())
                    .add(Dnnl.BIAS, vector, Pointer.nativeValue(bias))
                    .add(Dnnl.DST, dst, target.address())
                    .add(Dnnl.behind(0), dst, target.residual());
            product(workspace, rows, target.type(), target.relu(), target.residual() != 0)
                    .run(workspace, arguments);
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

    private Primitive product(Workspace workspace, long rows, int of, boolean relu, boolean added) {
        return workspace.primitives.get(
                List.of("product", rows, inner, columns, type, layoutNumber, of, relu, added),
                () -> product(layout, rows, of, relu, added));
    }

    private Primitive product(Layout weights, long rows, int of, boolean relu, boolean added) {
        try (Layout src = Layout.rows(type, rows, inner);
                Layout vector = Layout.rows(Dnnl.F32, 1, columns);
                Layout dst = Layout.rows(of, rows, columns)) {
            return Primitive.of(
                    "a product of " + inner + " by " + columns,
                    operations -> {
                        if (relu) {
                            appendRelu(operations);
                        }
                        if (added) {
                            Dnnl.check(
                                    Dnnl.dnnl_post_ops_append_binary(operations, Dnnl.ADD, dst.handle), "append a sum");
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

    /**
     * oneDNN's own ReLU makes 0 of NaN, which would hide a broken weight. So what is not positive is multiplied by 0, x·max(0, min(1, STEEP·x)),
     * and 0 is added, since −0 is no 0 to look at. Of −∞ this makes NaN.
     */
    private static void appendRelu(long operations) {
        Dnnl.check(Dnnl.dnnl_post_ops_append_eltwise(operations, Dnnl.HARDSWISH, STEEP, 0), "append ReLU");
        Dnnl.check(Dnnl.dnnl_post_ops_append_eltwise(operations, Dnnl.LINEAR, 1, 0), "append ReLU");
    }

    @Override
    public void close() {
        layout.close();
        packed.close();
        bias.close();
    }
}
