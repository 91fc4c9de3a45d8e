package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.modscan.onnx.foreign.OnnxShapes.Inferred;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Finds what hangs on more than a prompt itself: tensors for which rows of a batch are brought together or counted, and for
 * which positions are, padding among them; and all behind these. It goes by shapes and operators; what the body of an If, Loop
 * or Scan does is not seen.
 */
final class Mixing {

    /** Operators that work along an axis, with the axis that is meant where none is said. */
    private static final Map<String, Integer> ALONG = Map.of(
            "Softmax", -1,
            "LogSoftmax", -1,
            "Hardmax", -1,
            "LpNormalization", -1,
            "TopK", -1,
            "Gather", 0,
            "GatherElements", 0,
            "ScatterElements", 0,
            "Scatter", 0);

    /** Operators whose second input says which values of the first. */
    private static final Set<String> LOOKING_UP =
            Set.of("Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND");

    /** Operators that work along an axis and all behind it. */
    private static final Set<String> FROM = Set.of("LayerNormalization", "RMSNormalization");

    /** Operators that did so before opset 13. */
    private static final Set<String> FROM_ONCE = Set.of("Softmax", "LogSoftmax", "Hardmax");

    private final OnnxFile file;
    private final OnnxGraph graph;
    private final OnnxInputs inputs;
    private final String batch;
    private final Map<String, Inferred> inferred;
    private final Set<String> valued;
    /** What tells a row's number in the batch. */
    private final Set<String> numbered = new HashSet<>();

    private final Set<String> tensors;

    /** @param valued what hangs on the inputs' values, not on their shapes alone */
    Mixing(OnnxFile file, OnnxGraph graph, OnnxInputs inputs, Map<String, Inferred> inferred, Set<String> valued) {
        this.file = file;
        this.graph = graph;
        this.inputs = inputs;
        this.batch = inputs.batch().orElse("");
        this.inferred = inferred;
        this.valued = valued;
        Set<String> mixed = new HashSet<>();
        if (!batch.isEmpty()) {
            for (NodeProto node : file.graph().getNodeList()) {
                if (numbersRows(node)) {
                    numbered.addAll(node.getOutputList());
                } else if (mixes(node)) {
                    mixed.addAll(node.getOutputList());
                }
            }
        }
        this.tensors = graph.dependents(mixed, operator -> true);
        this.tensors.addAll(numbered);
    }

    /** What hangs on others in the batch. */
    Set<String> acrossBatch() {
        return tensors;
    }

    /**
     * What is computed of all positions at once, such as their mean, whether a mask is heeded or not, which can't be told. What
     * attends to positions is not meant, and not what one position is taken for, counted from the first.
     */
    Set<String> acrossPositions() {
        Set<String> mixed = new HashSet<>();
        for (NodeProto node : file.graph().getNodeList()) {
            boolean reads = OnnxGraph.reads(node).stream()
                    .anyMatch(tensor ->
                            valued.contains(tensor) && axes(tensor).stream().anyMatch(this::isPosition));
            if (reads && !takesOne(node)) {
                node.getOutputList().stream()
                        .filter(output -> valued.contains(output) && isWithout(output, this::isPosition))
                        .forEach(mixed::add);
            }
        }
        return graph.dependents(mixed, operator -> true);
    }

    private boolean takesOne(NodeProto node) {
        return node.getOpType().equals("Gather")
                && constant(node.getInput(1)).orElse(-1) >= 0
                && at(
                                OptionalLong.of(integer(node, "axis").orElse(0)),
                                axes(node.getInput(0)).size())
                        .stream()
                        .anyMatch(axis -> isPosition(axes(node.getInput(0)).get((int) axis)));
    }

    private boolean isPosition(String axis) {
        return inputs.isPosition(axis) || Arrays.stream(axis.split("\\*")).anyMatch(inputs::isPosition);
    }

    /** Whether a node numbers rows, or hands on their numbers; looking up a row's own values by its number hands on none. */
    private boolean numbersRows(NodeProto node) {
        if (node.getOpType().equals("Range")) {
            return node.getOutputList().stream().anyMatch(output -> batches(output) > 0);
        }
        if (node.getOpType().equals("Shape") || node.getOpType().equals("Size")) {
            return false;
        }
        String index = LOOKING_UP.contains(node.getOpType()) ? node.getInput(1) : "";
        return OnnxGraph.reads(node).stream().anyMatch(tensor -> !tensor.equals(index) && numbered.contains(tensor));
    }

    private boolean mixes(NodeProto node) {
        String operator = node.getOpType();
        if (operator.startsWith("DynamicQuantize")) {
            return true; // one scale for all
        }
        if (node.getOutputList().stream().anyMatch(output -> batches(output) > 1)) {
            return true;
        }
        boolean reads =
                OnnxGraph.reads(node).stream().anyMatch(tensor -> valued.contains(tensor) && batches(tensor) > 0);
        if (!reads) {
            return false;
        }
        return node.getOutputList().stream()
                        .anyMatch(output -> valued.contains(output) && isWithout(output, this::isBatch))
                || (operator.equals("BatchNormalization")
                        && integer(node, "training_mode").orElse(0) != 0)
                || isAlong(node);
    }

    /** How many of a tensor's axes are, or hold, the batch. */
    private long batches(String tensor) {
        return axes(tensor).stream().filter(this::isBatch).count();
    }

    /** Whether a tensor's axes are all known, and none is of some kind. */
    private boolean isWithout(String tensor, Predicate<String> kind) {
        Inferred known = inferred.get(tensor);
        return known != null
                && known.axes().isPresent()
                && known.axes().get().stream().noneMatch(axis -> kind.test(axis) || axis.equals("?"));
    }

    private List<String> axes(String tensor) {
        Inferred known = inferred.get(tensor);
        return known == null ? List.of() : known.axes().orElse(List.of());
    }

    private boolean isBatch(String axis) {
        return axis.equals(batch) || axis.startsWith(batch + "*") || axis.endsWith("*" + batch);
    }

    private boolean isAlong(NodeProto node) {
        String operator = node.getOpType();
        List<String> axes = axes(node.getInput(0));
        int place = -1;
        for (int axis = 0; axis < axes.size(); axis++) {
            place = isBatch(axes.get(axis)) ? axis : place;
        }
        if (place < 0
                || !valued.contains(node.getInput(0))
                || (LOOKING_UP.contains(operator) && numbered.contains(node.getInput(1)))) {
            return false;
        }
        OptionalLong said = integer(node, "axis");
        if (operator.equals("CumSum")) {
            return node.getInputCount() < 2
                    || at(constant(node.getInput(1)), axes.size()).orElse(place) == place;
        }
        if (operator.equals("Compress") || operator.equals("Unique")) {
            return at(said, axes.size()).orElse(place) == place;
        }
        if (operator.equals("MeanVarianceNormalization")) {
            return attribute(node, "axes")
                    .map(AttributeProto::getIntsList)
                    .orElse(List.of(0L, 2L, 3L))
                    .contains((long) place);
        }
        boolean once = FROM_ONCE.contains(operator) && file.opset() < 13;
        Integer usual = once ? Integer.valueOf(1) : FROM.contains(operator) ? Integer.valueOf(-1) : ALONG.get(operator);
        if (usual == null) {
            return false;
        }
        long axis = at(OptionalLong.of(said.orElse(usual)), axes.size()).orElse(place);
        return (once || FROM.contains(operator)) ? place >= axis : place == axis;
    }

    /** An axis counted from the front. */
    private static OptionalLong at(OptionalLong axis, int rank) {
        return axis.isPresent() && axis.getAsLong() < 0 ? OptionalLong.of(axis.getAsLong() + rank) : axis;
    }

    private static OptionalLong integer(NodeProto node, String name) {
        return attribute(node, name).stream().mapToLong(AttributeProto::getI).findFirst();
    }

    private static Optional<AttributeProto> attribute(NodeProto node, String name) {
        return node.getAttributeList().stream()
                .filter(attribute -> attribute.getName().equals(name))
                .findFirst();
    }

    /** The one integer that a constant tensor holds. */
    private OptionalLong constant(String name) {
        return Stream.concat(
                        file.graph().getInitializerList().stream()
                                .filter(initializer -> initializer.getName().equals(name)),
                        graph.producer(name).stream()
                                .flatMap(node -> attribute(node, "value").stream())
                                .map(AttributeProto::getT))
                .flatMapToLong(Mixing::integer)
                .findFirst();
    }

    private static LongStream integer(TensorProto tensor) {
        if (tensor.getInt64DataCount() == 1) {
            return LongStream.of(tensor.getInt64Data(0));
        }
        if (tensor.getInt32DataCount() == 1) {
            return LongStream.of(tensor.getInt32Data(0));
        }
        ByteBuffer raw = tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        return raw.remaining() == Long.BYTES
                ? LongStream.of(raw.getLong())
                : raw.remaining() == Integer.BYTES ? LongStream.of(raw.getInt()) : LongStream.empty();
    }
}
