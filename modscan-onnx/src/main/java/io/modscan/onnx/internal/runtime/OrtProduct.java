package io.modscan.onnx.internal.runtime;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.model.Threads;
import io.modscan.core.safetensors.DType;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.WeightLocation;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;

/**
 * Matrix products by ONNX Runtime on the CPU. Direct buffers of the native byte order are read and written where they are;
 * others are copied. It has a session of a few kilobytes a precision, which stays as long as the process.
 */
public final class OrtProduct implements LinearAlgebra {

    /** Rows of a tile: at these sizes copying takes a small share of the time. */
    private static final int MOST_ROWS = 1024;

    /** Values of an operand's tile, 128 MiB in double precision. */
    private static final int MOST_VALUES = 1 << 24;

    private final OrtEnvironment environment = SharedEnvironment.get();
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
        graph.op("Gemm", "product", List.of("a", "b"), OnnxProtos.attribute("transB", 1));
        byte[] model = graph.build(
                List.of(new GraphBuilder.Output("product", type, List.of("m", "n"))),
                WeightLocation.inPlace(Path.of("")),
                Map.of(),
                "");
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            OrtRuntime.quiet(settings);
            settings.setIntraOpNumThreads(Threads.usual());
            settings.addConfigEntry(OrtRuntime.STOP_SPINNING, "1");
            // A large product's memory is not kept for the next one.
            settings.setCPUArenaAllocator(false);
            return environment.createSession(model, settings);
        } catch (OrtException e) {
            throw new ModscanException("ONNX Runtime cannot multiply " + type + " matrices: " + e.getMessage(), e);
        }
    }

    @Override
    public void timesTransposed(FloatBuffer left, FloatBuffer right, int inner, FloatBuffer result) {
        LinearAlgebra.checkSizes(left.capacity(), right.capacity(), inner, result.capacity());
        FloatBuffer a = whole(left);
        FloatBuffer b = whole(right);
        FloatBuffer product = whole(result);
        if (usable(a) && usable(b) && usable(product)) {
            run(a, b, inner, product);
            return;
        }
        int columns = b.capacity() / inner;
        forEachTile(a.capacity() / inner, columns, inner, Float.BYTES, (tile, scratch) -> {
            FloatBuffer above = scratch[0].asFloatBuffer();
            FloatBuffer beside = scratch[1].asFloatBuffer();
            FloatBuffer ofTile = scratch[2].asFloatBuffer();
            above.put(0, a, tile.top() * inner, above.capacity());
            beside.put(0, b, tile.left() * inner, beside.capacity());
            run(above, beside, inner, ofTile);
            for (int row = 0; row < tile.rows(); row++) {
                product.put((tile.top() + row) * columns + tile.left(), ofTile, row * tile.columns(), tile.columns());
            }
        });
    }

    @Override
    public void timesTransposed(DoubleBuffer left, DoubleBuffer right, int inner, DoubleBuffer result) {
        LinearAlgebra.checkSizes(left.capacity(), right.capacity(), inner, result.capacity());
        DoubleBuffer a = whole(left);
        DoubleBuffer b = whole(right);
        DoubleBuffer product = whole(result);
        if (usable(a) && usable(b) && usable(product)) {
            run(a, b, inner, product);
            return;
        }
        int columns = b.capacity() / inner;
        forEachTile(a.capacity() / inner, columns, inner, Double.BYTES, (tile, scratch) -> {
            DoubleBuffer above = scratch[0].asDoubleBuffer();
            DoubleBuffer beside = scratch[1].asDoubleBuffer();
            DoubleBuffer ofTile = scratch[2].asDoubleBuffer();
            above.put(0, a, tile.top() * inner, above.capacity());
            beside.put(0, b, tile.left() * inner, beside.capacity());
            run(above, beside, inner, ofTile);
            for (int row = 0; row < tile.rows(); row++) {
                product.put((tile.top() + row) * columns + tile.left(), ofTile, row * tile.columns(), tile.columns());
            }
        });
    }

    /** Some rows of the product, and of these some columns. */
    private record Tile(int top, int rows, int left, int columns) {}

    /** Multiplies what belongs to a tile. */
    @FunctionalInterface
    private interface TileProduct {
        /** Is handed direct memory for the tile's share of the operands and of the product. */
        void accept(Tile tile, ByteBuffer[] scratch);
    }

    /** What is not in direct memory goes through some, tile by tile, so that it needs little and may have any size. */
    private static void forEachTile(int rows, int columns, int inner, int bytes, TileProduct product) {
        int most = Math.max(1, Math.min(MOST_ROWS, MOST_VALUES / inner));
        int high = Math.min(most, rows);
        int wide = Math.min(most, columns);
        ByteBuffer left = ByteBuffer.allocateDirect(high * inner * bytes);
        ByteBuffer right = ByteBuffer.allocateDirect(wide * inner * bytes);
        ByteBuffer result = ByteBuffer.allocateDirect(high * wide * bytes);
        for (int top = 0; top < rows; top += high) {
            for (int beside = 0; beside < columns; beside += wide) {
                Tile tile = new Tile(top, Math.min(high, rows - top), beside, Math.min(wide, columns - beside));
                product.accept(tile, new ByteBuffer[] {
                    share(left, tile.rows() * inner * bytes),
                    share(right, tile.columns() * inner * bytes),
                    share(result, tile.rows() * tile.columns() * bytes)
                });
            }
        }
    }

    private static ByteBuffer share(ByteBuffer buffer, int bytes) {
        return buffer.slice(0, bytes).order(ByteOrder.nativeOrder());
    }

    private void run(FloatBuffer left, FloatBuffer right, int inner, FloatBuffer result) {
        checkInterrupt();
        try (OnnxTensor m = OnnxTensor.createTensor(environment, left, rows(left, inner));
                OnnxTensor n = OnnxTensor.createTensor(environment, right, rows(right, inner));
                OnnxTensor out = OnnxTensor.createTensor(environment, result, square(left, right, inner))) {
            single.run(Map.of("a", m, "b", n), Set.of(), Map.of("product", out)).close();
        } catch (OrtException e) {
            throw failed(left, right, inner, e);
        }
    }

    private void run(DoubleBuffer left, DoubleBuffer right, int inner, DoubleBuffer result) {
        checkInterrupt();
        try (OnnxTensor m = OnnxTensor.createTensor(environment, left, rows(left, inner));
                OnnxTensor n = OnnxTensor.createTensor(environment, right, rows(right, inner));
                OnnxTensor out = OnnxTensor.createTensor(environment, result, square(left, right, inner))) {
            twofold.run(Map.of("a", m, "b", n), Set.of(), Map.of("product", out))
                    .close();
        } catch (OrtException e) {
            throw failed(left, right, inner, e);
        }
    }

    /** Between tiles: a product is one operator, which ONNX Runtime doesn't end early. */
    private static void checkInterrupt() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted at a product of matrices");
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
