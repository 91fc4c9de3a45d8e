package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import io.modscan.core.error.ModscanException;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds what real numbers the integers of a quantized graph stand for. */
final class OnnxDequantizer {

    /** Operators whose output has scale and zero point of their first input. */
    private static final Set<String> CARRYING =
            Set.of("Flatten", "Gather", "Identity", "MaxPool", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze");

    /** Operators that are given scale and zero point of their output, by the place of the scale among what they read. */
    private static final Map<String, Integer> GIVEN = Map.of(
            "QuantizeLinear", 1,
            "QLinearMatMul", 6,
            "QLinearConv", 6,
            "com.microsoft.QLinearAdd", 6,
            "com.microsoft.QLinearMul", 6,
            "com.microsoft.QLinearSigmoid", 3,
            "com.microsoft.QLinearLeakyRelu", 3,
            "com.microsoft.QLinearSoftmax", 3,
            "com.microsoft.QGemm", 7);

    /** Attributes that say which values a scale is for. */
    private static final Set<String> LAYOUT = Set.of("axis", "block_size");

    private static final Set<String> QUANTIZED = Set.of("int8", "uint8");

    /** Operators whose output is a sum of products of quantized values. */
    private static final Set<String> SUMS = Set.of("MatMulInteger", "ConvInteger");

    /** How many tensors a message names. */
    private static final int NAMED = 5;

    private static final Logger LOG = LoggerFactory.getLogger(OnnxDequantizer.class);

    private final Set<String> left = new LinkedHashSet<>();
    private final OnnxFile file;
    private final OnnxGraph graph;
    private final OnnxEdit edit;
    private final boolean wanted;

    OnnxDequantizer(OnnxFile file, OnnxEdit edit, boolean wanted) {
        this.file = file;
        this.graph = new OnnxGraph(file.graph());
        this.edit = edit;
        this.wanted = wanted;
    }

    /** The real numbers, if they are wanted and the graph tells them. */
    Optional<String> dequantized(String tensor) {
        return wanted ? scale(tensor) : Optional.empty();
    }

    /** Notes a tensor whose real numbers are not told. */
    void leave(GraphTensor tensor) {
        if (wanted && (QUANTIZED.contains(tensor.type()) || SUMS.contains(tensor.operator()))) {
            left.add("'" + tensor.name() + "' of " + tensor.operator());
        }
    }

    /** Says which tensors stay integers though real numbers were asked for. */
    void sayWhatIsLeft() {
        if (!left.isEmpty()) {
            LOG.warn(
                    "{}: {} of the tensors stay integers, since the graph does not tell what they stand for: {}{}",
                    file.path(),
                    left.size(),
                    ModscanException.printable(
                            String.join(", ", left.stream().limit(NAMED).toList())),
                    left.size() > NAMED ? ", …" : "");
        }
    }

    private Optional<String> scale(String tensor) {
        String at = tensor;
        Optional<NodeProto> producer = graph.producer(at);
        while (producer.isPresent()
                && producer.get().getOutput(0).equals(at)
                && CARRYING.contains(OnnxGraph.operator(producer.get()))
                && producer.get().getInputCount() > 0) {
            at = producer.get().getInput(0);
            producer = graph.producer(at);
        }
        if (producer.isEmpty() || !producer.get().getOutput(0).equals(at)) {
            return Optional.empty();
        }
        NodeProto node = producer.get();
        String operator = OnnxGraph.operator(node);
        if (operator.equals("DynamicQuantizeLinear")) {
            return Optional.of(edit.op("DequantizeLinear", List.of(tensor, node.getOutput(1), node.getOutput(2))));
        }
        Integer place = GIVEN.get(operator);
        if (place == null
                || node.getInputCount() <= place
                || node.getInput(place).isEmpty()) {
            return Optional.empty();
        }
        // An axis of scales is that of the tensor itself; rearranged ones would have it elsewhere.
        boolean itself = tensor.equals(at);
        if (!itself && !isSingle(node.getInput(place))) {
            return Optional.empty();
        }
        List<String> reads = new ArrayList<>(List.of(tensor, node.getInput(place)));
        if (node.getInputCount() > place + 1 && !node.getInput(place + 1).isEmpty()) {
            reads.add(node.getInput(place + 1));
        }
        AttributeProto[] layout = node.getAttributeList().stream()
                .filter(attribute -> itself && LAYOUT.contains(attribute.getName()))
                .toArray(AttributeProto[]::new);
        String real = edit.op("DequantizeLinear", reads, layout);
        // They are of the scale's type, which was always float32 before.
        return Optional.of(
                file.opset() < 19
                        ? real
                        : edit.op("Cast", List.of(real), OnnxProtos.attribute("to", (long) OnnxTypes.FLOAT)));
    }

    /** Whether a scale is known to be one for all values. */
    private boolean isSingle(String scale) {
        return Stream.concat(
                        file.graph().getInitializerList().stream()
                                .filter(initializer -> initializer.getName().equals(scale)),
                        graph.producer(scale).stream()
                                .flatMap(constant -> constant.getAttributeList().stream())
                                .filter(attribute -> attribute.getName().equals("value"))
                                .map(AttributeProto::getT))
                .anyMatch(constant -> constant.getDimsList().stream().allMatch(dim -> dim == 1));
    }
}
