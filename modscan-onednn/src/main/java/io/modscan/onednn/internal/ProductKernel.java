package io.modscan.onednn.internal;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A product with weights, and what goes with it. */
final class ProductKernel implements Kernel {

    private static final int X = 0;
    private static final int WEIGHTS = 1;
    private static final int BIAS = 2;
    private static final int RESIDUAL = 3;

    private final int type;
    private final boolean transB;
    private final boolean relu;
    private @Nullable Matrix matrix;

    ProductKernel(OrtApi api, long info, int type) {
        this.type = type;
        this.transB = api.integer(info, "transB") == 1;
        this.relu = api.integer(info, "relu") == 1;
    }

    @Override
    public void compute(Run run) {
        List<Long> axes = run.shape(X).axes();
        long inner = axes.get(axes.size() - 1);
        long rows = Run.rows(axes);
        Matrix by = matrix(run, inner);
        long target = run.output(axes, by.columns());
        if (rows == 0) {
            return;
        }
        by.multiply(run.workspace, rows, run.input(X), new Matrix.Target(target, Dnnl.F32, relu, run.input(RESIDUAL)));
    }

    private synchronized Matrix matrix(Run run, long inner) {
        if (matrix == null) {
            matrix = new Matrix(
                    run.workspace, type, inner, transB, List.of(stored(run, WEIGHTS, run.input(BIAS), transB)));
        }
        return matrix;
    }

    /** A matrix of weights among the inputs. */
    static Matrix.Stored stored(Run run, int index, long bias, boolean transB) {
        OrtApi.Shape shape = run.shape(index);
        return new Matrix.Stored(
                run.input(index), type(shape.type()), shape.axes().get(transB ? 0 : 1), bias);
    }

    /** oneDNN's number of ONNX's type. */
    private static int type(int onnx) {
        return switch (onnx) {
            case 1 -> Dnnl.F32;
            case 10 -> Dnnl.F16;
            case 16 -> Dnnl.BF16;
            default ->
                throw new IllegalStateException(
                        "weights of ONNX's type " + onnx + " can't be multiplied; float32, float16 and bfloat16 can");
        };
    }

    @Override
    public synchronized void close() {
        if (matrix != null) {
            matrix.close();
            matrix = null;
        }
    }
}
