package io.modscan.onednn.internal;

import java.util.List;

/** A LayerNorm along the last axis. */
final class NormKernel implements Kernel {

    private static final int X = 0;
    private static final int SCALE = 1;
    private static final int SHIFT = 2;

    private final float epsilon;

    NormKernel(OrtApi api, long info) {
        this.epsilon = api.number(info, "epsilon");
    }

    @Override
    public void compute(Run run) {
        List<Long> axes = run.shape(X).axes();
        long width = axes.get(axes.size() - 1);
        long rows = Run.rows(axes);
        long target = run.output(axes, width);
        if (rows == 0) {
            return;
        }
        long shift = run.input(SHIFT);
        try (Layout values = Layout.rows(Dnnl.F32, rows, width);
                Layout vector = Layout.rows(Dnnl.F32, width);
                Arguments arguments = new Arguments(run.workspace)) {
            Primitive norm = run.workspace.primitives.get(
                    List.of("norm", rows, width, epsilon, shift != 0), () -> norm(values, shift != 0));
            arguments
                    .add(Dnnl.SRC, values, run.input(X))
                    .add(Dnnl.DST, values, target)
                    .add(Dnnl.SCALE, vector, run.input(SCALE))
                    .add(Dnnl.SHIFT, vector, shift);
            norm.run(run.workspace, arguments);
        }
    }

    private Primitive norm(Layout values, boolean shifted) {
        return Primitive.of(
                "a LayerNorm",
                none -> {},
                (made, attributes) -> Dnnl.dnnl_layer_normalization_forward_primitive_desc_create(
                        made,
                        DnnlLibrary.get().engine(),
                        Dnnl.INFERENCE,
                        values.handle,
                        values.handle,
                        0,
                        epsilon,
                        Dnnl.USE_SCALE | (shifted ? Dnnl.USE_SHIFT : 0),
                        attributes));
    }
}
