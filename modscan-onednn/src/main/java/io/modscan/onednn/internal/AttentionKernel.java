package io.modscan.onednn.internal;

import io.modscan.onednn.internal.Workspace.Slot;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Attention of given queries, keys and values, or of those that are made of one input by one product. */
final class AttentionKernel implements Kernel {

    /** The inputs of an attention that makes its own: x, three matrices, three biases, the mask. */
    private static final int OWN_MASK = 7;

    private static final int GIVEN_MASK = 3;

    private final int type;
    private final boolean own;
    private final long heads;
    private final float scale;
    private @Nullable Matrix matrix;

    /** Where queries, keys and values begin, and how far apart positions lie. */
    private record Projected(long q, long k, long v, long stride) {}

    AttentionKernel(OrtApi api, long info, int type, boolean own) {
        this.type = type;
        this.own = own;
        this.heads = api.integer(info, "num_heads");
        this.scale = api.number(info, "scale");
    }

    @Override
    public void compute(Run run) {
        List<Long> axes = run.shape(0).axes();
        long batch = axes.get(0);
        long length = axes.get(1);
        long inner = axes.get(2);
        long width = own ? matrix(run, inner).columns() / 3 : inner;
        long target = run.output(axes, width);
        if (batch * length == 0) {
            return;
        }
        Projected projected = own ? made(run, batch * length, inner) : given(run, batch * length, width);
        attend(run, batch, length, width, projected, target);
    }

    private Projected made(Run run, long rows, long inner) {
        Matrix by = matrix(run, inner);
        long bytes = type == Dnnl.F32 ? Float.BYTES : Short.BYTES;
        long projected = run.workspace.scratch(Slot.PROJECTED, rows * by.columns() * bytes);
        by.multiply(run.workspace, rows, run.input(0), new Matrix.Target(projected, type, false, 0));
        long part = by.columns() / 3;
        return new Projected(projected, projected + part * bytes, projected + 2 * part * bytes, by.columns());
    }

    private Projected given(Run run, long rows, long width) {
        long[] at = {run.input(0), run.input(1), run.input(2)};
        if (type != Dnnl.F32) {
            long bytes = rows * width * Short.BYTES;
            long rounded = run.workspace.scratch(Slot.PROJECTED, 3 * bytes);
            for (int i = 0; i < 3; i++) {
                Matrix.round(run.workspace, rows * width, at[i], rounded + i * bytes);
                at[i] = rounded + i * bytes;
            }
        }
        return new Projected(at[0], at[1], at[2], width);
    }

    private synchronized Matrix matrix(Run run, long inner) {
        if (matrix == null) {
            matrix = new Matrix(
                    run.workspace,
                    type,
                    inner,
                    true,
                    IntStream.range(1, 4)
                            .mapToObj(i -> ProductKernel.stored(run, i, run.input(i + 3), true))
                            .toList());
        }
        return matrix;
    }

    private void attend(Run run, long batch, long length, long width, Projected from, long target) {
        Workspace workspace = run.workspace;
        long units = width / heads;
        long stride = from.stride();
        long[] byHead = {batch, heads, length, units};
        long[] strides = {length * stride, units, stride, 1};
        List<Object> shape = List.of(batch, length, heads, units, stride, type, scale);
        try (Layout q = Layout.strided(type, byHead, strides);
                Layout k = Layout.strided(
                        type, new long[] {batch, heads, units, length}, new long[] {length * stride, units, 1, stride
                        });
                Layout mask = Layout.rows(Dnnl.F32, batch, 1, length, length);
                Layout scores = Layout.rows(Dnnl.F32, batch, heads, length, length);
                Layout pattern = Layout.rows(type, batch, heads, length, length);
                Layout z = Layout.strided(Dnnl.F32, byHead, new long[] {length * width, units, width, 1})) {
            long squares = batch * heads * length * length;
            long scored = workspace.scratch(Slot.SCORES, squares * Float.BYTES);
            long softmaxed = type == Dnnl.F32 ? scored : workspace.scratch(Slot.PATTERN, squares * Short.BYTES);
            try (Arguments arguments = new Arguments(workspace)) {
                arguments
                        .add(Dnnl.SRC, q, from.q())
                        .add(Dnnl.WEIGHTS, k, from.k())
                        .add(Dnnl.DST, scores, scored)
                        .add(Dnnl.behind(1), mask, run.input(own ? OWN_MASK : GIVEN_MASK));
                workspace
                        .primitives
                        .get(List.of("scores", shape), () -> scores(q, k, mask, scores))
                        .run(workspace, arguments);
            }
            try (Arguments arguments = new Arguments(workspace)) {
                arguments.add(Dnnl.SRC, scores, scored).add(Dnnl.DST, pattern, softmaxed);
                workspace
                        .primitives
                        .get(List.of("softmax", shape), () -> softmax(scores, pattern))
                        .run(workspace, arguments);
            }
            try (Arguments arguments = new Arguments(workspace)) {
                arguments
                        .add(Dnnl.SRC, pattern, softmaxed)
                        .add(Dnnl.WEIGHTS, q, from.v())
                        .add(Dnnl.DST, z, target);
                workspace
                        .primitives
                        .get(List.of("z", shape), () -> product(pattern, q, z))
                        .run(workspace, arguments);
            }
        }
    }

    private Primitive scores(Layout q, Layout k, Layout mask, Layout scores) {
        return Primitive.of(
                "scores of attention",
                operations -> {
                    Dnnl.check(Dnnl.dnnl_post_ops_append_eltwise(operations, Dnnl.LINEAR, scale, 0), "append a factor");
                    Dnnl.check(Dnnl.dnnl_post_ops_append_binary(operations, Dnnl.ADD, mask.handle), "append a mask");
                },
                (made, attributes) -> Dnnl.dnnl_matmul_primitive_desc_create(
                        made, DnnlLibrary.get().engine(), q.handle, k.handle, 0, scores.handle, attributes));
    }

    private static Primitive softmax(Layout scores, Layout pattern) {
        return Primitive.of(
                "a softmax",
                none -> {},
                (made, attributes) -> Dnnl.dnnl_softmax_forward_primitive_desc_create(
                        made,
                        DnnlLibrary.get().engine(),
                        Dnnl.INFERENCE,
                        Dnnl.SOFTMAX,
                        scores.handle,
                        pattern.handle,
                        3,
                        attributes));
    }

    private static Primitive product(Layout pattern, Layout v, Layout z) {
        return Primitive.of(
                "values of attention",
                none -> {},
                (made, attributes) -> Dnnl.dnnl_matmul_primitive_desc_create(
                        made, DnnlLibrary.get().engine(), pattern.handle, v.handle, 0, z.handle, attributes));
    }

    @Override
    public synchronized void close() {
        if (matrix != null) {
            matrix.close();
            matrix = null;
        }
    }
}
