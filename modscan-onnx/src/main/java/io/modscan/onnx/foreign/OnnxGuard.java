package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The same graph with nodes that fail where ONNX Runtime would end the process: integers are not divided by 0, nor the lowest
 * by −1, and no operand tells of a tensor with millions of axes. What computes well computes the same.
 */
final class OnnxGuard {

    /** An operand that is longer is cut to this length, and what is shaped by it found to have too many axes. */
    private static final long LONGEST = OnnxBounds.MAX_AXES + 1L;

    private static final Set<String> DIVISIONS = Set.of("Div", "Mod");

    private static final Set<String> TRUTHS = Set.of(
            "And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not", "Or", "Xor");

    private static final Set<String> INDICES = Set.of("ArgMax", "ArgMin", "NonZero", "Shape", "Size");

    /** Operators that yield no more values than the largest that they read. */
    private static final Set<String> AS_LONG = Set.of(
            "Abs",
            "Add",
            "Cast",
            "Ceil",
            "Div",
            "Equal",
            "Floor",
            "Identity",
            "Less",
            "Max",
            "Min",
            "Mod",
            "Mul",
            "Neg",
            "Slice",
            "Squeeze",
            "Sub",
            "Unsqueeze",
            "Where",
            "Greater",
            "Not");

    private final boolean shapes;
    private final long opset;

    private int added;

    private OnnxGuard(boolean shapes, long opset) {
        this.shapes = shapes;
        this.opset = opset;
    }

    /**
     * Guards a model that is to be run.
     *
     * @param opset of ONNX's own operators
     */
    static ModelProto forRunning(ModelProto model, long opset) {
        return new OnnxGuard(false, opset).guarded(model);
    }

    /** Guards a model whose shapes are to be inferred. */
    static ModelProto forShapes(ModelProto model, long opset) {
        return new OnnxGuard(true, opset).guarded(model);
    }

    private ModelProto guarded(ModelProto model) {
        // Before, operators did not spread their operands over each other's axes; ONNX Runtime warns of such models.
        if (opset < 7) {
            return model;
        }
        ModelProto.Builder guarded = model.toBuilder().setGraph(guarded(model.getGraph(), new Known()));
        for (int i = 0; i < model.getFunctionsCount(); i++) {
            FunctionProto function = model.getFunctions(i);
            guarded.setFunctions(
                    i, function.toBuilder().clearNode().addAllNode(guarded(function.getNodeList(), new Known())));
        }
        return guarded.build();
    }

    /** What is known of tensors by their names; of bodies, too, whose names are their own. */
    private static final class Known {
        /** Numbers of element types. */
        private final Map<String, Integer> types = new HashMap<>();
        /** The most values that a tensor has. */
        private final Map<String, Long> lengths = new HashMap<>();

        private final Map<String, TensorProto> constants = new HashMap<>();

        void add(String name, TensorProto constant) {
            types.put(name, constant.getDataType());
            lengths.put(name, constant.getDimsList().stream().reduce(1L, (a, b) -> a * b));
            constants.put(name, constant);
        }

        long length(String name) {
            return name.isEmpty() ? 0 : lengths.getOrDefault(name, Long.MAX_VALUE);
        }
    }

    private GraphProto guarded(GraphProto graph, Known known) {
        for (ValueInfoProto input : graph.getInputList()) {
            known.types.put(input.getName(), input.getType().getTensorType().getElemType());
        }
        graph.getInitializerList().forEach(tensor -> known.add(tensor.getName(), tensor));
        return graph.toBuilder()
                .clearNode()
                .addAllNode(guarded(graph.getNodeList(), known))
                .build();
    }

    private List<NodeProto> guarded(List<NodeProto> nodes, Known known) {
        List<NodeProto> guarded = new ArrayList<>();
        for (NodeProto node : nodes) {
            NodeProto.Builder changed = node.toBuilder();
            if (!OnnxGraph.subgraphs(node).isEmpty()) {
                changed.getAttributeBuilderList().forEach(attribute -> {
                    if (attribute.hasG()) {
                        attribute.setG(guarded(attribute.getG(), known));
                    }
                    for (int i = 0; i < attribute.getGraphsCount(); i++) {
                        attribute.setGraphs(i, guarded(attribute.getGraphs(i), known));
                    }
                });
            }
            boolean own = OnnxGraph.operator(node).equals(node.getOpType());
            Integer operand = OnnxBounds.SHAPED_BY.get(node.getOpType());
            if (shapes
                    && own
                    && operand != null
                    && node.getInputCount() > operand
                    && known.length(node.getInput(operand)) > LONGEST) {
                changed.setInput(operand, cut(node.getInput(operand), guarded));
            }
            if (own && DIVISIONS.contains(node.getOpType()) && node.getInputCount() == 2) {
                guardDivision(changed, known, guarded);
            }
            guarded.add(changed.build());
            learn(node, known);
        }
        return guarded;
    }

    private void learn(NodeProto node, Known known) {
        if (node.getOpType().equals("Constant") && node.getOutputCount() == 1) {
            node.getAttributeList().stream()
                    .map(OnnxGuard::constant)
                    .flatMap(List::stream)
                    .forEach(value -> known.add(node.getOutput(0), value));
            return;
        }
        int type = type(node, known);
        long length = length(node, known);
        for (int i = 0; i < node.getOutputCount(); i++) {
            known.types.put(node.getOutput(i), i == 0 ? type : 0);
            known.lengths.put(node.getOutput(i), length);
            known.constants.remove(node.getOutput(i));
        }
    }

    private static List<TensorProto> constant(AttributeProto attribute) {
        if (attribute.hasT()) {
            return List.of(attribute.getT());
        }
        return switch (attribute.getName()) {
            case "value_int" -> List.of(longs(attribute.getI()).clearDims().build());
            case "value_ints" ->
                List.of(longs(attribute.getIntsList().stream()
                                .mapToLong(Long::longValue)
                                .toArray())
                        .build());
            default -> List.of();
        };
    }

    /** The type of a node's first output, or 0 if it is not known. */
    private static int type(NodeProto node, Known known) {
        String operator = OnnxGraph.operator(node);
        if (TRUTHS.contains(operator)) {
            return DataType.BOOL_VALUE;
        }
        if (INDICES.contains(operator)) {
            return OnnxTypes.INT64;
        }
        for (AttributeProto attribute : node.getAttributeList()) {
            if (attribute.getName().equals("to") || attribute.getName().equals("dtype")) {
                return (int) attribute.getI();
            }
            if (operator.equals("ConstantOfShape") && attribute.hasT()) {
                return attribute.getT().getDataType();
            }
        }
        int from = switch (operator) {
            case "Where", "CastLike", "DequantizeLinear" -> 1;
            case "QuantizeLinear", "OneHot" -> 2;
            case "ConstantOfShape", "If", "Loop", "Scan", "SequenceAt", "OptionalGetElement" -> -1;
            default -> 0;
        };
        return !operator.equals(node.getOpType()) || from < 0 || from >= node.getInputCount()
                ? 0
                : known.types.getOrDefault(node.getInput(from), 0);
    }

    /** The most values of a node's outputs; {@link Long#MAX_VALUE} if nothing is known. */
    private static long length(NodeProto node, Known known) {
        String operator = OnnxGraph.operator(node);
        Stream<Long> read = node.getInputList().stream().map(known::length);
        if (operator.equals("Shape")) {
            return OnnxBounds.MAX_AXES;
        }
        if (operator.equals("Size")) {
            return 1;
        }
        if (operator.equals("Concat")) {
            return read.reduce(0L, (a, b) -> Long.MAX_VALUE - a < b ? Long.MAX_VALUE : a + b);
        }
        if (operator.equals("Gather")) {
            return node.getInputCount() < 2 ? Long.MAX_VALUE : known.length(node.getInput(1));
        }
        return AS_LONG.contains(operator) ? read.max(Long::compare).orElse(Long.MAX_VALUE) : Long.MAX_VALUE;
    }

    /** Cuts an operand that may be too long. */
    private String cut(String operand, List<NodeProto> nodes) {
        if (opset < 10) {
            return node(
                    nodes,
                    "Slice",
                    "the axes of a shape",
                    List.of(operand),
                    OnnxProtos.attribute("starts", new long[] {0}),
                    OnnxProtos.attribute("ends", new long[] {LONGEST}),
                    OnnxProtos.attribute("axes", new long[] {0}));
        }
        return node(
                nodes,
                "Slice",
                "the axes of a shape",
                List.of(
                        operand,
                        constant(nodes, longs(0)),
                        constant(nodes, longs(LONGEST)),
                        constant(nodes, longs(0))));
    }

    private void guardDivision(NodeProto.Builder division, Known known, List<NodeProto> nodes) {
        String dividend = division.getInput(0);
        String divisor = division.getInput(1);
        int type = Math.max(known.types.getOrDefault(divisor, 0), known.types.getOrDefault(dividend, 0));
        if ((type != DataType.INT32_VALUE && type != DataType.INT64_VALUE) || isSafe(known.constants.get(divisor))) {
            return;
        }
        String what =
                "an integer division by 0, or of the lowest number by -1, in " + OnnxGraph.describe(division.build());
        List<TensorProto.Builder> limits = Stream.of(
                        -1L, type == DataType.INT32_VALUE ? (long) Integer.MIN_VALUE : Long.MIN_VALUE, 0L)
                .map(value -> type == DataType.INT32_VALUE
                        ? TensorProto.newBuilder().setDataType(type).addDims(1).addInt32Data(Math.toIntExact(value))
                        : longs(value))
                .toList();
        String zero =
                node(nodes, "Not", what, List.of(node(nodes, "Cast", what, List.of(divisor), to(DataType.BOOL_VALUE))));
        String minus = node(
                nodes,
                "Equal",
                what,
                List.of(divisor, constant(nodes, limits.get(0).clearDims())));
        String lowest = node(
                nodes,
                "Equal",
                what,
                List.of(dividend, constant(nodes, limits.get(1).clearDims())));
        String wrong = node(nodes, "Or", what, List.of(zero, node(nodes, "And", what, List.of(minus, lowest))));
        String index = node(nodes, "Cast", what, List.of(wrong), to(DataType.INT64_VALUE));
        // Index 1 of a list of one: the run fails.
        String nothing = node(nodes, "Gather", what, List.of(constant(nodes, limits.get(2)), index));
        division.setInput(1, node(nodes, "Add", what, List.of(divisor, nothing)));
    }

    private static AttributeProto to(int type) {
        return OnnxProtos.attribute("to", (long) type);
    }

    /** Whether a divisor is known to have neither 0 nor −1 among its values. */
    private static boolean isSafe(@Nullable TensorProto divisor) {
        if (divisor == null || divisor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
            return false;
        }
        ByteBuffer raw = divisor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        boolean wide = divisor.getDataType() == DataType.INT64_VALUE;
        boolean harmless = divisor.getInt64DataList().stream().allMatch(value -> value != 0 && value != -1)
                && divisor.getInt32DataList().stream().allMatch(value -> value != 0 && value != -1);
        return harmless
                && IntStream.range(0, raw.remaining() / (wide ? Long.BYTES : Integer.BYTES))
                        .mapToLong(i -> wide ? raw.getLong(Long.BYTES * i) : raw.getInt(Integer.BYTES * i))
                        .allMatch(value -> value != 0 && value != -1);
    }

    private static TensorProto.Builder longs(long... values) {
        TensorProto.Builder tensor =
                TensorProto.newBuilder().setDataType(OnnxTypes.INT64).addDims(values.length);
        for (long value : values) {
            tensor.addInt64Data(value);
        }
        return tensor;
    }

    private String constant(List<NodeProto> nodes, TensorProto.Builder value) {
        return node(
                nodes,
                "Constant",
                "a constant",
                List.of(),
                AttributeProto.newBuilder()
                        .setName("value")
                        .setType(AttributeProto.AttributeType.TENSOR)
                        .setT(value)
                        .build());
    }

    private String node(
            List<NodeProto> nodes, String operator, String what, List<String> reads, AttributeProto... attributes) {
        String name = "modscan.guard." + added++;
        nodes.add(NodeProto.newBuilder()
                .setOpType(operator)
                .setName(what + " #" + added)
                .addAllInput(reads)
                .addOutput(name)
                .addAllAttribute(List.of(attributes))
                .build());
        return name;
    }
}
