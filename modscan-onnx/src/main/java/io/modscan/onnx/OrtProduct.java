package io.modscan.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.modscan.core.error.ModscanException;
import io.modscan.core.product.MatrixProduct;
import io.modscan.core.safetensors.DType;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Matrix products by ONNX Runtime on the CPU. Direct buffers of the native byte order are read and written where they are;
 * others are copied. It has a session of a few kilobytes a precision, which stays as long as the process.
 */
public final class OrtProduct implements MatrixProduct {

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession single;
    private final OrtSession twofold;

    /**
     * Called by the service loader.
     *
     * @throws ModscanException if ONNX Runtime cannot be used here
     */
    public OrtProduct() {
        this.single = session(DType.F32);
        this.twofold = session(DType.F64);
    }

    private OrtSession session(DType type) {
        GraphBuilder graph = new GraphBuilder("product");
        graph.input("a", type, "m", "k");
        graph.input("b", type, "n", "k");
        graph.op("Gemm", "product", List.of("a", "b"), GraphBuilder.attribute("transB", 1));
        byte[] model = graph.build(
                List.of(new GraphBuilder.Output("product", type, List.of("m", "n"))),
                GraphBuilder.WeightLocation.inPlace(Path.of("")),
                Map.of(),
                "");
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            settings.setIntraOpNumThreads(RuntimeOptions.usualThreads());
            settings.addConfigEntry(OrtSource.STOP_SPINNING, "1");
            // A large product's memory is not kept for the next one.
            settings.setCPUArenaAllocator(false);
            return environment.createSession(model, settings);
        } catch (OrtException e) {
            throw new ModscanException("ONNX Runtime cannot multiply " + type + " matrices: " + e.getMessage(), e);
        }
    }

    @Override
    public void timesTransposed(FloatBuffer a, FloatBuffer b, int inner, FloatBuffer product) {
        MatrixProduct.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        FloatBuffer left = usable(a) ? whole(a) : direct(a.capacity()).put(0, a, 0, a.capacity());
        FloatBuffer right = usable(b) ? whole(b) : direct(b.capacity()).put(0, b, 0, b.capacity());
        FloatBuffer result = usable(product) ? whole(product) : direct(product.capacity());
        try (OnnxTensor m = OnnxTensor.createTensor(environment, left, rows(left, inner));
                OnnxTensor n = OnnxTensor.createTensor(environment, right, rows(right, inner));
                OnnxTensor out = OnnxTensor.createTensor(environment, result, square(left, right, inner))) {
            single.run(Map.of("a", m, "b", n), Set.of(), Map.of("product", out)).close();
        } catch (OrtException e) {
            throw failed(left, right, inner, e);
        }
        if (!usable(product)) {
            product.put(0, result, 0, product.capacity());
        }
    }

    @Override
    public void timesTransposed(DoubleBuffer a, DoubleBuffer b, int inner, DoubleBuffer product) {
        MatrixProduct.checkSizes(a.capacity(), b.capacity(), inner, product.capacity());
        DoubleBuffer left = usable(a) ? whole(a) : directDoubles(a.capacity()).put(0, a, 0, a.capacity());
        DoubleBuffer right = usable(b) ? whole(b) : directDoubles(b.capacity()).put(0, b, 0, b.capacity());
        DoubleBuffer result = usable(product) ? whole(product) : directDoubles(product.capacity());
        try (OnnxTensor m = OnnxTensor.createTensor(environment, left, rows(left, inner));
                OnnxTensor n = OnnxTensor.createTensor(environment, right, rows(right, inner));
                OnnxTensor out = OnnxTensor.createTensor(environment, result, square(left, right, inner))) {
            twofold.run(Map.of("a", m, "b", n), Set.of(), Map.of("product", out))
                    .close();
        } catch (OrtException e) {
            throw failed(left, right, inner, e);
        }
        if (!usable(product)) {
            product.put(0, result, 0, product.capacity());
        }
    }

    private static boolean usable(FloatBuffer buffer) {
        return buffer.isDirect() && buffer.order() == ByteOrder.nativeOrder();
    }

    private static boolean usable(DoubleBuffer buffer) {
        return buffer.isDirect() && buffer.order() == ByteOrder.nativeOrder();
    }

    /** Position and limit are the caller's; a duplicate has its own. */
    private static FloatBuffer whole(FloatBuffer buffer) {
        return buffer.duplicate().clear();
    }

    private static DoubleBuffer whole(DoubleBuffer buffer) {
        return buffer.duplicate().clear();
    }

    private static FloatBuffer direct(int values) {
        return bytes((long) values * Float.BYTES).asFloatBuffer();
    }

    private static DoubleBuffer directDoubles(int values) {
        return bytes((long) values * Double.BYTES).asDoubleBuffer();
    }

    private static ByteBuffer bytes(long size) {
        return ByteBuffer.allocateDirect(Math.toIntExact(size)).order(ByteOrder.nativeOrder());
    }

    private static long[] rows(Buffer matrix, int inner) {
        return new long[] {matrix.capacity() / inner, inner};
    }

    private static long[] square(Buffer left, Buffer right, int inner) {
        return new long[] {left.capacity() / inner, right.capacity() / inner};
    }

    private static ModscanException failed(Buffer left, Buffer right, int inner, OrtException e) {
        return new ModscanException(
                "ONNX Runtime failed on the product of " + left.capacity() / inner + " × " + inner + " and "
                        + right.capacity() / inner + " × " + inner + ": " + e.getMessage(),
                e);
    }

    @Override
    public int rank() {
        return 10;
    }
}
