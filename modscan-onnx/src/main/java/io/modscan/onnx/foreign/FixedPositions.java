package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.onnx.internal.graph.Inferred;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Which axes are positions where their number is fixed, and other axes may be as long by chance: the model's width, its
 * heads. Where the graph can be taken with other lengths, an axis that follows is one of positions. Where it can't, each axis
 * of that length is, unless some weight or split shows that not all are; then it has to be said.
 */
final class FixedPositions {

    /** Before a number: an axis of which it has to be said whether it is of positions. */
    static final String UNSURE = "?";

    private final OnnxFile file;
    private final String number;
    private final Map<String, Inferred> inferred;
    private final Map<String, Inferred> open;
    private final boolean byChance;

    private FixedPositions(OnnxFile file, int number, Map<String, Inferred> inferred, Map<String, Inferred> open) {
        this.file = file;
        this.number = Integer.toString(number);
        this.inferred = inferred;
        this.open = follows(open) ? open : Map.of();
        this.byChance = isWidth(number) || isSplit();
    }

    /**
     * Marks the axes of positions.
     *
     * @param number   of positions
     * @param inferred shapes with that number
     * @param open     shapes with positions of any number, or none if the graph doesn't allow that
     * @param said     which axes of a tensor were said to be those, if that was said
     */
    static Map<String, Inferred> mark(
            OnnxFile file,
            int number,
            Map<String, Inferred> inferred,
            Map<String, Inferred> open,
            Function<String, Optional<Set<Integer>>> said) {
        FixedPositions positions = new FixedPositions(file, number, inferred, open);
        Map<String, Inferred> marked = new LinkedHashMap<>();
        inferred.forEach((name, tensor) -> marked.put(
                name,
                new Inferred(
                        tensor.type(), tensor.axes().map(axes -> positions.marked(name, axes, said.apply(name))))));
        return marked;
    }

    /** An axis as the graph has it. */
    static String plain(String axis) {
        return axis.replaceAll("(^|\\*)[" + OnnxInputs.FIXED + UNSURE + "](?=\\d)", "$1");
    }

    private List<String> marked(String tensor, List<String> axes, Optional<Set<Integer>> word) {
        // What is said of many at once is not meant of those of another shape.
        Optional<Set<Integer>> said = word.filter(all -> all.stream()
                .allMatch(axis -> axis < axes.size() && axes.get(axis).equals(number)));
        List<String> marked = new ArrayList<>(axes);
        List<String> following = Optional.ofNullable(open.get(tensor))
                .flatMap(Inferred::axes)
                .filter(known -> known.size() == axes.size())
                .orElse(List.of());
        for (int axis = 0; axis < axes.size(); axis++) {
            String whole = axes.get(axis);
            if (!whole.equals(number) && !whole.endsWith("*" + number)) {
                continue;
            }
            String times = whole.substring(0, whole.length() - number.length());
            String follows = following.isEmpty() ? "?" : following.get(axis);
            boolean is = said.isPresent()
                    ? said.get().contains(axis)
                    : follows.contains(OnnxInputs.FIXED + number) || !byChance;
            boolean isNot = said.isPresent() || follows.equals(whole);
            marked.set(axis, times + (is ? OnnxInputs.FIXED : isNot ? "" : UNSURE) + number);
        }
        return marked;
    }

    /** Whether no node makes a shape of the number itself, which inference would not notice. */
    private boolean follows(Map<String, Inferred> shapes) {
        return file.graph().getNodeList().stream()
                .filter(node ->
                        node.getOpType().equals("Reshape") || node.getOpType().equals("Flatten"))
                .allMatch(node -> {
                    Optional<List<String>> before = axes(shapes, node.getInput(0));
                    Optional<List<String>> behind = axes(shapes, node.getOutput(0));
                    return before.isEmpty()
                            || behind.isEmpty()
                            || before.get().contains("?")
                            || behind.get().contains("?")
                            || factors(before.get()).equals(factors(behind.get()));
                });
    }

    /** How often each symbol is in a product, and the number beside them. */
    private static Map<String, Long> factors(List<String> axes) {
        Map<String, Long> factors = new HashMap<>();
        axes.stream()
                .flatMap(axis -> Stream.of(axis.split("\\*")))
                .forEach(factor -> factors.merge(
                        isNumber(factor) ? "" : factor,
                        isNumber(factor) ? Long.parseLong(factor) : 1L,
                        isNumber(factor) ? (a, b) -> a * b : Long::sum));
        factors.putIfAbsent("", 1L);
        return factors;
    }

    private static boolean isNumber(String factor) {
        return Character.isDigit(factor.charAt(0));
    }

    private static Optional<List<String>> axes(Map<String, Inferred> shapes, String tensor) {
        return Optional.ofNullable(shapes.get(tensor)).flatMap(Inferred::axes);
    }

    /** Whether some weight is as wide. A table of positions is not meant, which is added or looked up. */
    private boolean isWidth(int width) {
        Map<String, List<Long>> weights = new HashMap<>();
        Stream.concat(
                        file.graph().getInitializerList().stream().map(tensor -> Map.entry(tensor.getName(), tensor)),
                        file.graph().getNodeList().stream()
                                .filter(node -> node.getOpType().equals("Constant"))
                                .flatMap(node -> node.getAttributeList().stream()
                                        .filter(AttributeProto::hasT)
                                        .map(value -> Map.entry(node.getOutput(0), value.getT()))))
                .filter(tensor -> !isWhole(tensor.getValue()))
                .forEach(
                        tensor -> weights.put(tensor.getKey(), tensor.getValue().getDimsList()));
        return file.graph().getNodeList().stream().anyMatch(node -> isAsWide(node, weights, width));
    }

    private static boolean isWhole(TensorProto tensor) {
        return tensor.getDataType() == DataType.INT64_VALUE || tensor.getDataType() == DataType.INT32_VALUE;
    }

    private static boolean isAsWide(NodeProto node, Map<String, List<Long>> weights, long width) {
        String operator = node.getOpType();
        boolean product = operator.contains("MatMul") || operator.contains("Gemm") || operator.contains("Conv");
        return node.getInputList().stream()
                .map(name -> weights.getOrDefault(name, List.of()))
                .filter(dims -> !dims.isEmpty())
                .anyMatch(dims -> (product || dims.size() == 1)
                        ? dims.contains(width)
                        : operator.equals("Gather") && dims.get(dims.size() - 1) == width);
    }

    /** Whether a split makes an axis as long beside one that is, such as that of heads. */
    private boolean isSplit() {
        return file.graph().getNodeList().stream()
                .filter(node -> node.getOpType().equals("Reshape"))
                .anyMatch(node -> {
                    long before = count(node.getInput(0));
                    return before > 0 && count(node.getOutput(0)) > before;
                });
    }

    private long count(String tensor) {
        return axes(inferred, tensor).orElse(List.of()).stream()
                .filter(number::equals)
                .count();
    }
}
