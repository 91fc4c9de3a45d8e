package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.onnx.internal.graph.Inferred;
import io.modscan.onnx.internal.graph.OnnxGraph;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Refuses what is known to end the process, or to fill its memory, within ONNX Runtime: attributes by which it divides that
 * are not positive, functions that are a hundred bytes in the file and millions of nodes in their place, and tensors of very
 * many axes. Such a list is never complete; what is not trusted is tried in a process of its own.
 */
final class OnnxBounds {

    /** What any tensor may have, as in NumPy; none that we know has more than ten. */
    static final int MAX_AXES = 64;

    /** Axes as they are counted here, which may be more than there are: of some operators only the most is known. */
    private static final long MAX_COUNTED = 4L * MAX_AXES;

    /** Nodes with the axes of what they yield, the bodies of functions counted wherever they are called. */
    private static final long MAX_WORK = 5_000_000;

    /** An operand that tells a shape, of a length that is not known here. */
    private static final long USUAL_AXES = 8;

    /** Functions within functions. */
    private static final int MAX_CALLS = 50;

    /** Attributes by which an operator divides, or that it takes a square of. */
    private static final Set<String> POSITIVE = Set.of(
            "group",
            "strides",
            "dilations",
            "kernel_shape",
            "num_heads",
            "q_num_heads",
            "kv_num_heads",
            "num_groups",
            "groups",
            "blocksize",
            "block_size",
            "hidden_size",
            "num_outputs",
            "offset_group",
            "output_height",
            "output_width",
            "pooled_shape",
            "size",
            "bits");

    /** Operators of which such an attribute says by 0 that it is not used, with the attribute. */
    private static final Set<String> MAY_BE_ZERO = Set.of(
            "com.microsoft.RotaryEmbedding num_heads",
            "RotaryEmbedding num_heads",
            "QuantizeLinear block_size",
            "DequantizeLinear block_size",
            "com.microsoft.QuantizeLinear block_size",
            "com.microsoft.DequantizeLinear block_size");

    /** Operators that have a tensor of as many axes as an operand is long, with the operand. */
    static final Map<String, Integer> SHAPED_BY = Map.of(
            "Reshape", 1,
            "Expand", 1,
            "ConstantOfShape", 0,
            "Unsqueeze", 1,
            "Squeeze", 1,
            "Tile", 1,
            "Col2Im", 1,
            "MaxUnpool", 2,
            "CenterCropPad", 1);

    private final Path path;
    private final Map<String, FunctionProto> functions = new HashMap<>();
    /** Attributes of functions that become one of those that have to be positive. */
    private final Set<String> handedOn = new HashSet<>();

    private long work;

    private OnnxBounds(Path path, ModelProto model) {
        this.path = path;
        model.getFunctionsList().forEach(function -> functions.put(key(function), function));
    }

    /** @throws MalformedFileException if there is such a thing in the model */
    static void check(Path path, ModelProto model) {
        OnnxBounds bounds = new OnnxBounds(path, model);
        bounds.findHandedOn();
        bounds.checkAttributes(model.getGraph());
        bounds.functions.values().forEach(function -> {
            function.getNodeList().forEach(bounds::checkAttributes);
            function.getAttributeProtoList()
                    .forEach(attribute -> bounds.checkPositive("function '" + function.getName() + "'", "", attribute));
        });
        bounds.axes(model.getGraph(), new HashMap<>(), new HashMap<>(), 0, 0);
    }

    /** How large a constant may be that is computed when a session is opened: weights that are cast or transposed are. */
    static long largestFolded(OnnxFile file) {
        return Math.max(64L << 20, 4 * file.largestWeight());
    }

    /**
     * Refuses to run a graph in which a tensor takes very much memory whatever is given: one operator can't be interrupted, and
     * memory that it asks for is beside any limit.
     *
     * @param computed the graph that is to be run
     * @param inferred its tensors
     */
    static void checkMemory(OnnxFile file, GraphProto computed, Map<String, Inferred> inferred) {
        long most = Math.max(1L << 28, 4 * file.largestWeight());
        for (NodeProto node : computed.getNodeList()) {
            for (String output : node.getOutputList()) {
                double least = Optional.ofNullable(inferred.get(output))
                        .flatMap(Inferred::axes)
                        .map(axes -> axes.stream()
                                .filter(axis -> !axis.isEmpty() && axis.chars().allMatch(Character::isDigit))
                                .mapToDouble(Double::parseDouble)
                                .reduce(1, (a, b) -> a * b))
                        .orElse(0.0);
                if (least > most) {
                    throw new ModscanException(String.format(
                            Locale.ROOT,
                            "%s: '%s' has at least %.0f values whatever is given, of which modscan runs at most %d (four"
                                    + " times the largest weight's bytes, if that is more): leave away the sites that are"
                                    + " computed from it",
                            file.path(),
                            output,
                            least,
                            most));
                }
            }
        }
    }

    private static String key(FunctionProto function) {
        return function.getDomain() + "." + function.getName();
    }

    private static String key(NodeProto node) {
        return node.getDomain() + "." + node.getOpType();
    }

    private void findHandedOn() {
        int before;
        do {
            before = handedOn.size();
            functions.values().stream()
                    .flatMap(function -> function.getNodeList().stream())
                    .flatMap(node -> node.getAttributeList().stream())
                    .filter(attribute -> !attribute.getRefAttrName().isEmpty())
                    .filter(attribute -> isPositive(attribute.getName()))
                    .forEach(attribute -> handedOn.add(attribute.getRefAttrName()));
        } while (handedOn.size() > before);
    }

    private boolean isPositive(String attribute) {
        return POSITIVE.contains(attribute) || handedOn.contains(attribute);
    }

    private void checkAttributes(GraphProto graph) {
        Stream.of(graph.getInputList(), graph.getOutputList(), graph.getValueInfoList())
                .flatMap(List::stream)
                .forEach(tensor -> checkAxes("tensor '" + tensor.getName() + "'", axes(tensor)));
        graph.getInitializerList()
                .forEach(tensor -> checkAxes("tensor '" + tensor.getName() + "'", tensor.getDimsCount()));
        graph.getNodeList().forEach(this::checkAttributes);
    }

    private void checkAttributes(NodeProto node) {
        String operator = OnnxGraph.operator(node);
        for (AttributeProto attribute : node.getAttributeList()) {
            if (attribute.getRefAttrName().isEmpty()) {
                checkPositive("node " + OnnxGraph.describe(node), operator, attribute);
            }
        }
        OnnxGraph.subgraphs(node).forEach(this::checkAttributes);
    }

    private void checkPositive(String where, String operator, AttributeProto attribute) {
        if (!isPositive(attribute.getName())) {
            return;
        }
        boolean zero = MAY_BE_ZERO.contains(operator + " " + attribute.getName());
        List<Long> values = attribute.getIntsCount() > 0 ? attribute.getIntsList() : List.of(attribute.getI());
        boolean number = attribute.getType() == AttributeProto.AttributeType.INT || attribute.getIntsCount() > 0;
        for (long value : values) {
            if (number && (value > Integer.MAX_VALUE || value < (zero ? 0 : 1))) {
                throw new MalformedFileException(
                        path,
                        where + " has the attribute '" + attribute.getName() + "' " + value + "; it must be from "
                                + (zero ? 0 : 1) + " to " + Integer.MAX_VALUE);
            }
        }
    }

    private void checkAxes(String where, long axes) {
        if (axes > MAX_AXES) {
            throw tooManyAxes(path, where, axes);
        }
    }

    static MalformedFileException tooManyAxes(Path path, String where, long axes) {
        return new MalformedFileException(path, where + " has " + axes + " axes; at most " + MAX_AXES + " are handled");
    }

    private static int axes(ValueInfoProto tensor) {
        return tensor.getType().getTensorType().getShape().getDimCount();
    }

    /**
     * Counts the most axes that each tensor can have.
     *
     * @param axes      by the tensors' names; of bodies, too, whose names are their own or seen no more when the next body has them
     * @param constants whose values are known
     * @param given     the most axes of what a body is given
     * @return the most axes of an output
     */
    private long axes(
            GraphProto graph, Map<String, Long> axes, Map<String, TensorProto> constants, long given, int depth) {
        graph.getInputList().forEach(input -> axes.put(input.getName(), Math.max(given, axes(input))));
        graph.getInitializerList().forEach(tensor -> {
            axes.put(tensor.getName(), (long) tensor.getDimsCount());
            constants.put(tensor.getName(), tensor);
        });
        axes(graph.getNodeList(), axes, constants, depth);
        return graph.getOutputList().stream()
                .mapToLong(output -> axes.getOrDefault(output.getName(), 0L))
                .max()
                .orElse(0);
    }

    private void axes(List<NodeProto> nodes, Map<String, Long> axes, Map<String, TensorProto> constants, int depth) {
        for (NodeProto node : nodes) {
            if (node.getOpType().equals("Constant") && node.getOutputCount() == 1) {
                node.getAttributeList().stream()
                        .filter(AttributeProto::hasT)
                        .forEach(value -> constants.put(node.getOutput(0), value.getT()));
            }
            long most = most(node, axes, constants, depth);
            work += 1 + most;
            if (most > MAX_COUNTED) {
                throw tooManyAxes(path, "what node " + OnnxGraph.describe(node) + " yields", most);
            }
            if (work > MAX_WORK) {
                throw new MalformedFileException(
                        path,
                        "its graph, with each function in the place of its calls, is of more than " + MAX_WORK
                                + " nodes and axes, too many to be handled");
            }
            node.getOutputList().forEach(output -> axes.put(output, most));
        }
    }

    private long most(NodeProto node, Map<String, Long> axes, Map<String, TensorProto> constants, int depth) {
        List<Long> read = node.getInputList().stream()
                .map(name -> axes.getOrDefault(name, 0L))
                .toList();
        long most = read.stream().mapToLong(Long::longValue).max().orElse(0);
        FunctionProto function = functions.get(key(node));
        if (function != null) {
            return called(function, read, depth);
        }
        List<GraphProto> bodies = OnnxGraph.subgraphs(node);
        for (GraphProto body : bodies) {
            // A scan output has an axis more than what its body yields.
            most = Math.max(most, 1 + axes(body, axes, constants, most, depth));
        }
        if (!bodies.isEmpty()) {
            return most;
        }
        long told = told(node, constants);
        return switch (node.getOpType()) {
            case "Gather", "GatherND" ->
                Math.max(0, read.stream().mapToLong(Long::longValue).sum() - 1);
            case "OneHot", "ConcatFromSequence", "ExpandDims", "STFT" -> 1 + most;
            case "Einsum" ->
                most
                        + node.getAttributeList().stream()
                                .mapToLong(attribute -> attribute.getS().size())
                                .sum();
            case "Unsqueeze" -> most + told;
            case "Squeeze" -> Math.max(0, most - told);
            case "Reshape", "ConstantOfShape" -> told;
            default -> Math.max(most, told);
        };
    }

    /** How many axes a node's operand or attribute tells of. */
    private static long told(NodeProto node, Map<String, TensorProto> constants) {
        String operator = node.getOpType();
        long told = 0;
        for (AttributeProto attribute : node.getAttributeList()) {
            boolean axes = attribute.getName().equals("shape")
                    || (attribute.getName().equals("axes")
                            && (operator.equals("Squeeze") || operator.equals("Unsqueeze")));
            told = Math.max(
                    told, axes ? attribute.getIntsCount() : attribute.getT().getDimsCount());
        }
        Integer operand = SHAPED_BY.get(operator);
        if (operand == null || node.getInputCount() <= operand) {
            return told;
        }
        TensorProto constant = constants.get(node.getInput(operand));
        if (constant != null) {
            return constant.getDimsCount() == 0 ? 1 : constant.getDims(0);
        }
        return operator.equals("Squeeze") ? 0 : operator.equals("Unsqueeze") ? 1 : USUAL_AXES;
    }

    private long called(FunctionProto function, List<Long> read, int depth) {
        if (depth == MAX_CALLS) {
            throw new MalformedFileException(
                    path,
                    "function '" + function.getName() + "' calls itself, or others more than " + MAX_CALLS + " deep");
        }
        Map<String, Long> axes = new HashMap<>();
        for (int i = 0; i < Math.min(read.size(), function.getInputCount()); i++) {
            axes.put(function.getInput(i), read.get(i));
        }
        axes(function.getNodeList(), axes, new HashMap<>(), depth + 1);
        return function.getOutputList().stream()
                .mapToLong(output -> axes.getOrDefault(output, 0L))
                .max()
                .orElse(0);
    }
}
