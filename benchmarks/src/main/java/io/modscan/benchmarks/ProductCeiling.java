package io.modscan.benchmarks;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.SplittableRandom;

/** ONNX Runtime's own float32 products of one block's shapes, and nothing else. */
final class ProductCeiling implements AutoCloseable {

    /** Tokens a product. Its speed is highest at some hundreds, where its operands fit the caches. */
    private static final int ROWS = 512;

    /** Runs a round, as many as all layers of OPT-125M take for some 3,000 tokens. */
    private static final int RUNS = 72;

    /** Runs of wider blocks, of which one takes long. */
    private static final int FEW_RUNS = 3;

    private final int hidden;
    private final OrtSession session;
    private final Map<String, OnnxTensor> inputs;

    ProductCeiling(int hidden, int threads) throws OrtException {
        this.hidden = hidden;
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.addConfigEntry("session.force_spinning_stop", "1");
            this.session = environment.createSession(model(), options);
        }
        this.inputs = Map.of(
                "stream",
                OnnxTensor.createTensor(environment, values(ROWS * hidden).asFloatBuffer(), new long[] {ROWS, hidden}),
                "neurons",
                OnnxTensor.createTensor(
                        environment, values(4 * ROWS * hidden).asFloatBuffer(), new long[] {ROWS, 4L * hidden}));
    }

    private byte[] model() {
        GraphProto.Builder graph = GraphProto.newBuilder().setName("products");
        graph.addInput(matrix("stream", ROWS, hidden)).addInput(matrix("neurons", ROWS, 4 * hidden));
        for (String name : new String[] {"q", "k", "v", "out"}) {
            product(graph, name, "stream", hidden, hidden);
        }
        product(graph, "fc1", "stream", hidden, 4 * hidden);
        product(graph, "fc2", "neurons", 4 * hidden, hidden);
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(17))
                .setGraph(graph)
                .build()
                .toByteArray();
    }

    private static void product(GraphProto.Builder graph, String name, String input, int in, int out) {
        graph.addInitializer(TensorProto.newBuilder()
                .setName(name + ".weight")
                .setDataType(TensorProto.DataType.FLOAT.getNumber())
                .addDims(in)
                .addDims(out)
                .setRawData(ByteString.copyFrom(values(in * out))));
        graph.addNode(NodeProto.newBuilder()
                .setOpType("MatMul")
                .addInput(input)
                .addInput(name + ".weight")
                .addOutput(name));
        graph.addOutput(matrix(name, ROWS, out));
    }

    private static ValueInfoProto matrix(String name, int rows, int columns) {
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(TensorProto.DataType.FLOAT.getNumber())
                                .setShape(TensorShapeProto.newBuilder()
                                        .addDim(TensorShapeProto.Dimension.newBuilder()
                                                .setDimValue(rows))
                                        .addDim(TensorShapeProto.Dimension.newBuilder()
                                                .setDimValue(columns)))))
                .build();
    }

    private static ByteBuffer values(int count) {
        SplittableRandom random = new SplittableRandom(count);
        ByteBuffer buffer = ByteBuffer.allocateDirect(count * Float.BYTES).order(ByteOrder.nativeOrder());
        for (int i = 0; i < count; i++) {
            buffer.putFloat(i * Float.BYTES, (float) random.nextDouble(-1, 1));
        }
        return buffer;
    }

    /** Multiply-adds a second. */
    double run() throws OrtException {
        long begin = System.nanoTime();
        int runs = hidden > 1024 ? FEW_RUNS : RUNS;
        for (int i = 0; i < runs; i++) {
            session.run(inputs).close();
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        return runs * (double) ROWS * perToken(hidden) / seconds;
    }

    /** Multiply-adds of one block for a token, but for those of its attention. */
    static double perToken(int hidden) {
        return 4.0 * hidden * hidden + 2.0 * hidden * 4 * hidden;
    }

    @Override
    public void close() throws OrtException {
        inputs.values().forEach(OnnxTensor::close);
        session.close();
    }
}
