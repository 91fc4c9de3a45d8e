package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.onnx.internal.graph.OnnxProtos;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A small ONNX model, built by hand. */
public final class HandGraph {

    private final ModelProto.Builder model = ModelProto.newBuilder().setIrVersion(8);
    private final GraphProto.Builder graph = GraphProto.newBuilder().setName("hand");

    private HandGraph() {}

    static HandGraph opset(int version) {
        HandGraph hand = new HandGraph();
        hand.model.addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(version));
        if (version > 20) {
            hand.model.setIrVersion(10);
        }
        return hand;
    }

    /** Without nodes, opset or inputs: a graph within a graph. */
    static HandGraph body() {
        return new HandGraph();
    }

    /** A table of 16 rows of 4, of which row 7, which tests pad with, is no number; looked up by token ids. */
    static HandGraph text(int opset, boolean nanAtPadding) {
        float[] table = table();
        if (nanAtPadding) {
            Arrays.fill(table, 28, 32, Float.NaN);
        }
        return opset(opset)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .input("attention_mask", DataType.INT64, "batch", "sequence")
                .floats("table", table, 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .output("hidden");
    }

    static float[] table() {
        float[] table = new float[64];
        for (int i = 0; i < table.length; i++) {
            table[i] = (float) Math.sin(i + 1) * 3;
        }
        return table;
    }

    HandGraph ir(int version) {
        model.setIrVersion(version);
        return this;
    }

    HandGraph domain(String domain, int version) {
        model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(version));
        return this;
    }

    /** An axis is a number, a symbol, or empty if nothing is said of it. */
    HandGraph input(String name, DataType type, String... axes) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (String axis : axes) {
            TensorShapeProto.Dimension.Builder dim = shape.addDimBuilder();
            if (!axis.isEmpty() && Character.isDigit(axis.charAt(0))) {
                dim.setDimValue(Long.parseLong(axis));
            } else if (!axis.isEmpty()) {
                dim.setDimParam(axis);
            }
        }
        return input(name, tensorType(type).setShape(shape));
    }

    HandGraph inputOfUnknownRank(String name, DataType type) {
        return input(name, tensorType(type));
    }

    private static TypeProto.Tensor.Builder tensorType(DataType type) {
        return TypeProto.Tensor.newBuilder().setElemType(type.getNumber());
    }

    private HandGraph input(String name, TypeProto.Tensor.Builder type) {
        return input(ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder().setTensorType(type))
                .build());
    }

    HandGraph input(ValueInfoProto input) {
        graph.addInput(input);
        return this;
    }

    HandGraph floats(String name, float[] values, long... dims) {
        TensorProto.Builder tensor = tensor(name, DataType.FLOAT, dims);
        for (float value : values) {
            tensor.addFloatData(value);
        }
        return initializer(tensor);
    }

    HandGraph longs(String name, long[] values, long... dims) {
        TensorProto.Builder tensor = tensor(name, DataType.INT64, dims);
        for (long value : values) {
            tensor.addInt64Data(value);
        }
        return initializer(tensor);
    }

    /** Int64 [length of values]. */
    HandGraph list(String name, long... values) {
        return longs(name, values, values.length);
    }

    HandGraph bytes(String name, DataType type, byte[] values, long... dims) {
        return initializer(tensor(name, type, dims).setRawData(ByteString.copyFrom(values)));
    }

    HandGraph external(String name, Map<String, String> entries, long... dims) {
        TensorProto.Builder tensor = tensor(name, DataType.FLOAT, dims);
        entries.forEach((key, value) -> tensor.addExternalData(
                StringStringEntryProto.newBuilder().setKey(key).setValue(value)));
        return initializer(tensor.setDataLocation(TensorProto.DataLocation.EXTERNAL));
    }

    static TensorProto.Builder tensor(String name, DataType type, long... dims) {
        TensorProto.Builder tensor = TensorProto.newBuilder().setName(name).setDataType(type.getNumber());
        for (long dim : dims) {
            tensor.addDims(dim);
        }
        return tensor;
    }

    HandGraph initializer(TensorProto.Builder tensor) {
        graph.addInitializer(tensor);
        return this;
    }

    /** Names are parted by spaces; {@code _} stands for one that is left out. */
    HandGraph node(String operator, String inputs, String outputs, AttributeProto... attributes) {
        int dot = operator.lastIndexOf('.');
        graph.addNode(NodeProto.newBuilder()
                .setDomain(dot < 0 ? "" : operator.substring(0, dot))
                .setOpType(operator.substring(dot + 1))
                .setName("node of " + outputs)
                .addAllInput(names(inputs))
                .addAllOutput(names(outputs))
                .addAllAttribute(List.of(attributes)));
        return this;
    }

    private static List<String> names(String names) {
        return Arrays.stream(names.split(" ", -1))
                .filter(name -> !name.isEmpty())
                .map(name -> name.equals("_") ? "" : name)
                .toList();
    }

    HandGraph function(Consumer<FunctionProto.Builder> function) {
        function.accept(model.addFunctionsBuilder());
        return this;
    }

    HandGraph output(String name) {
        graph.addOutput(ValueInfoProto.newBuilder().setName(name));
        return this;
    }

    HandGraph output(String name, DataType type, String... axes) {
        graph.addOutput(OnnxProtos.valueInfo(name, type.getNumber(), List.of(axes)));
        return this;
    }

    static AttributeProto graph(String name, HandGraph body) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.GRAPH)
                .setG(body.graph)
                .build();
    }

    ModelProto.Builder model() {
        return model.clone().setGraph(graph);
    }

    Path write(Path file) {
        return write(file, model().build().toByteArray());
    }

    static Path write(Path file, byte[] content) {
        try {
            return Files.write(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Opens the graph as {@code model.onnx}, or under another name where that is taken. */
    OnnxModel open(Path folder) {
        Path file = folder.resolve("model.onnx");
        for (int i = 2; Files.exists(file); i++) {
            file = folder.resolve("model" + i + ".onnx");
        }
        return OnnxModel.open(write(file));
    }

    static byte[] littleEndian(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }

    /** All values of one site for one prompt. */
    static float[] values(OnnxModel model, String site, Prompt prompt) {
        try (Probe probe = Probe.builder(model).sites(site).build()) {
            Activations activations = probe.capture(Prompts.of(List.of(prompt)));
            return Runs.array(copy(activations.at(site).row(0)));
        }
    }

    private static FloatBuffer copy(FloatBuffer row) {
        FloatBuffer copy = Runs.floats(row.remaining());
        copy.duplicate().put(row);
        return copy;
    }

    static GraphTensor tensor(OnnxModel model, String name) {
        return model.tensors().stream()
                .filter(tensor -> tensor.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no tensor " + name + " among " + model.tensors()));
    }

    static String refusal(OnnxModel model, String name) {
        return tensor(model, name).refusal().orElse("it can be read");
    }
}
