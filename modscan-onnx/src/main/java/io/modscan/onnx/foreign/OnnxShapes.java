package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.modscan.core.error.ModscanException;
import io.modscan.onnx.internal.graph.Inferred;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.runtime.OrtRuntime;
import io.modscan.onnx.internal.runtime.SharedEnvironment;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Types and shapes of all tensors of a graph, by ONNX Runtime's own inference. Inference over symbols gives up where a graph
 * computes a shape, as exports of PyTorch do before each Reshape. So it is asked three times, each time with other small
 * numbers in the place of the symbols; then such computations fold to constants, and an axis that is as long as a symbol in
 * all three is that symbol's. Large weights are declared as inputs and not read, unless
 * an operator has to know one; nothing is run.
 */
final class OnnxShapes {

    /** Initializers with more elements than this tell nothing about shapes. */
    private static final long LARGE = 1 << 10;

    /** Shapes are short; a constant of gigabytes is not to be computed to list it. */
    private static final String LARGEST_FOLDED = Integer.toString(1 << 20);

    static final int BINDINGS = 3;

    /** Comparisons of which ONNX had no inference before opset 16, with their opposites. */
    private static final Map<String, String> NOT_INFERRED = Map.of("GreaterOrEqual", "Less", "LessOrEqual", "Greater");

    private static final String RANK = "modscan.rank.";

    private static final Logger LOG = LoggerFactory.getLogger(OnnxShapes.class);

    private final OnnxFile file;
    private final RuntimeOptions options;
    private final Map<String, Inferred> tensors = new LinkedHashMap<>();
    /** Symbols by what they stand for, one number in each binding. */
    private final Map<String, List<Long>> symbols = new LinkedHashMap<>();

    /** Those of optional type, of which ONNX Runtime's Java can't tell what they are. */
    private final Set<String> optional = new HashSet<>();

    /** Axes that the file itself declares. */
    private final Map<String, List<String>> declared = new HashMap<>();

    /** The axes that inputs are declared with. */
    private final Map<String, List<String>> inputs;

    private OnnxShapes(OnnxFile file, OnnxInputs inputs, RuntimeOptions options) {
        this.file = file;
        this.options = options;
        this.inputs = inputs.axes();
        for (NodeProto node : file.graph().getNodeList()) {
            if (yieldsOptional(node)) {
                optional.addAll(node.getOutputList());
            }
        }
        symbols.putAll(symbols(inputs));
        file.graph().getValueInfoList().forEach(this::declare);
        file.graph().getOutputList().forEach(this::declare);
    }

    private boolean yieldsOptional(NodeProto node) {
        return node.getOpType().equals("Optional")
                || (node.getOpType().equals("Identity")
                        && node.getInputList().stream().anyMatch(optional::contains))
                || OnnxGraph.subgraphs(node).stream()
                        .flatMap(body -> body.getOutputList().stream())
                        .anyMatch(output -> output.getType().hasOptionalType());
    }

    private void declare(ValueInfoProto tensor) {
        if (tensor.getType().hasTensorType() && tensor.getType().getTensorType().hasShape()) {
            declared.put(
                    tensor.getName(),
                    tensor.getType().getTensorType().getShape().getDimList().stream()
                            .map(dim -> dim.hasDimValue() && dim.getDimValue() >= 0
                                    ? Long.toString(dim.getDimValue())
                                    : named(dim.getDimParam()))
                            .toList());
        }
    }

    static Map<String, Inferred> infer(
            OnnxFile file, OnnxInputs inputs, RuntimeOptions options, Optional<OnnxTrial> trial) {
        return tried(file, inputs, options, trial).infer();
    }

    private static OnnxShapes tried(
            OnnxFile file, OnnxInputs inputs, RuntimeOptions options, Optional<OnnxTrial> trial) {
        OnnxShapes shapes = new OnnxShapes(file, inputs, options);
        trial.ifPresent(apart -> apart.infer(file, options, shapes.graphs()));
        return shapes;
    }

    /** The same, or empty if the symbols can't be as long as is tried. */
    static Optional<Map<String, Inferred>> inferIfOpen(
            OnnxFile file, OnnxInputs inputs, RuntimeOptions options, Optional<OnnxTrial> trial) {
        OnnxShapes shapes = tried(file, inputs, options, trial);
        try {
            return Optional.of(shapes.infer(shapes.bound()));
        } catch (OrtException e) {
            LOG.debug("{}: can't be as long as is tried: {}", file.path(), e.getMessage());
            return Optional.empty();
        }
    }

    /** What each symbol of the inputs stands for, in each of the bindings. */
    static Map<String, List<Long>> symbols(OnnxInputs inputs) {
        Map<String, List<Long>> symbols = new LinkedHashMap<>();
        Map<String, List<Long>> known = inputs.bindings();
        for (List<String> axes : inputs.axes().values()) {
            for (String axis : axes) {
                if (OnnxProtos.isSymbol(axis)) {
                    List<Long> usual = usual(symbols.size());
                    symbols.putIfAbsent(axis, known.getOrDefault(axis, usual));
                }
            }
        }
        return symbols;
    }

    /** Multiples of 32, which survive the strides of a network over images; different for each symbol. */
    private static List<Long> usual(int symbol) {
        return List.of(96L + 32L * symbol, 160L + 64L * symbol, 64L + 96L * symbol);
    }

    private List<Map<String, NodeInfo>> bound() throws OrtException {
        List<Map<String, NodeInfo>> seen = new ArrayList<>();
        for (int binding = 0; binding < BINDINGS; binding++) {
            seen.add(outputs(binding, true, List.of()));
        }
        return seen;
    }

    private Map<String, Inferred> infer() {
        try {
            return infer(bound());
        } catch (OrtException e) {
            try {
                // A symbol that can't be as long as tried, or a weight that an operator has to know.
                return infer(List.of(outputs(-1, false, List.of())));
            } catch (OrtException worse) {
                throw new ModscanException(
                        file.path() + ": ONNX Runtime cannot take the graph: " + worse.getMessage()
                                + (String.valueOf(worse.getMessage()).contains("is not a registered function/op")
                                        ? ". If it is one of a library of custom operators, give that too"
                                                + " (RuntimeOptions.withOperators, on the command line --operators)"
                                        : ""),
                        worse);
            }
        }
    }

    private Map<String, Inferred> infer(List<Map<String, NodeInfo>> seen) {
        inputs.forEach((name, axes) -> tensors.put(
                name,
                new Inferred(
                        OnnxTypes.name(file.graph().getInputList().stream()
                                .filter(input -> input.getName().equals(name))
                                .findFirst()
                                .orElseThrow()
                                .getType()
                                .getTensorType()
                                .getElemType()),
                        Optional.of(axes))));
        for (NodeProto node : file.graph().getNodeList()) {
            for (String output : node.getOutputList()) {
                if (!output.isEmpty()) {
                    tensors.put(output, inferred(output, seen));
                }
            }
        }
        scalars(seen.size() == BINDINGS);
        tensors.replaceAll((name, tensor) -> tensor.type().equals("optional") ? tensor : completed(name, tensor));
        return tensors;
    }

    /** What inference doesn't tell, as of a Loop's output, the file may. Where it is wrong, runs fail. */
    private Inferred completed(String name, Inferred tensor) {
        List<String> said = declared.getOrDefault(name, List.of());
        if (tensor.axes().isEmpty()) {
            return said.isEmpty() ? tensor : new Inferred(tensor.type(), Optional.of(said));
        }
        List<String> axes = new ArrayList<>(tensor.axes().get());
        if (said.size() == axes.size()) {
            for (int axis = 0; axis < axes.size(); axis++) {
                if (axes.get(axis).equals("?")) {
                    axes.set(axis, said.get(axis));
                }
            }
        }
        return new Inferred(tensor.type(), Optional.of(axes));
    }

    /**
     * Tells scalars from tensors of which nothing is known, which ONNX Runtime lists alike: the shape of a scalar is known
     * to have no entries.
     */
    private void scalars(boolean bound) {
        List<String> without = tensors.entrySet().stream()
                .filter(tensor -> tensor.getValue().axes().filter(List::isEmpty).isPresent())
                .map(Map.Entry::getKey)
                .toList();
        Map<String, NodeInfo> ranks = Map.of();
        try {
            ranks = without.isEmpty() ? ranks : outputs(bound ? 0 : -1, bound, without);
        } catch (OrtException e) {
            LOG.debug("{}: what is a scalar stays unknown: {}", file.path(), e.getMessage());
        }
        for (int i = 0; i < without.size(); i++) {
            NodeInfo rank = ranks.get(RANK + i);
            boolean scalar = rank != null
                    && rank.getInfo() instanceof TensorInfo shape
                    && Arrays.equals(shape.getShape(), new long[] {0});
            if (!scalar && !inputs.containsKey(without.get(i))) {
                tensors.computeIfPresent(
                        without.get(i), (name, tensor) -> new Inferred(tensor.type(), Optional.empty()));
            }
        }
    }

    private Inferred inferred(String tensor, List<Map<String, NodeInfo>> seen) {
        if (optional.contains(tensor)) {
            return new Inferred("optional", Optional.empty());
        }
        @Nullable NodeInfo info = seen.get(0).get(tensor);
        if (info == null) {
            return new Inferred("unknown", Optional.empty());
        }
        if (!(info.getInfo() instanceof TensorInfo first)) {
            String kind = info.getInfo().getClass().getSimpleName().replace("Info", "");
            return new Inferred(kind.toLowerCase(Locale.ROOT), Optional.empty());
        }
        String type = OnnxTypes.name(first.onnxType);
        int count = first.getShape().length;
        if (count > OnnxBounds.MAX_AXES) {
            throw OnnxBounds.tooManyAxes(file.path(), "tensor '" + tensor + "'", count);
        }
        List<Known> known =
                seen.stream().map(binding -> Known.of(binding.get(tensor))).toList();
        List<String> axes = new ArrayList<>();
        for (int axis = 0; axis < count; axis++) {
            axes.add(axis(axis, known));
        }
        return new Inferred(type, Optional.of(axes));
    }

    /** What one binding tells of a tensor, which ONNX Runtime's Java copies whenever it is asked. */
    private record Known(List<Long> shape, List<String> names) {
        static Known of(@Nullable NodeInfo info) {
            return info != null && info.getInfo() instanceof TensorInfo shape
                    ? new Known(
                            Arrays.stream(shape.getShape()).boxed().toList(), Arrays.asList(shape.getDimensionNames()))
                    : new Known(List.of(), List.of());
        }
    }

    private String axis(int axis, List<Known> seen) {
        List<Long> size = new ArrayList<>();
        for (Known binding : seen) {
            if (binding.shape().size() <= axis || binding.shape().get(axis) < 0) {
                return axis < binding.names().size() ? named(binding.names().get(axis)) : "?";
            }
            size.add(binding.shape().get(axis));
        }
        return axis(size, symbols);
    }

    /** What an axis is of which each binding has told the length. */
    static String axis(List<Long> size, Map<String, List<Long>> symbols) {
        if (Set.copyOf(size).size() == 1) {
            return size.get(0).toString();
        }
        return symbols.entrySet().stream()
                .filter(symbol -> symbol.getValue().equals(size))
                .map(Map.Entry::getKey)
                .findFirst()
                .or(() -> product(size, symbols))
                .orElse("?");
    }

    /** Two axes that were made one, as in [batch*positions, units] or [batch*12, positions, units]. */
    private static Optional<String> product(List<Long> size, Map<String, List<Long>> symbols) {
        for (Map.Entry<String, List<Long>> one : symbols.entrySet()) {
            long times = size.get(0) / one.getValue().get(0);
            if (times > 1
                    && IntStream.range(0, size.size())
                            .allMatch(binding ->
                                    size.get(binding) == times * one.getValue().get(binding))) {
                return Optional.of(one.getKey() + "*" + times);
            }
            for (Map.Entry<String, List<Long>> other : symbols.entrySet()) {
                boolean product = IntStream.range(0, size.size())
                        .allMatch(binding -> size.get(binding)
                                == one.getValue().get(binding)
                                        * other.getValue().get(binding));
                if (product && !one.equals(other)) {
                    return Optional.of(one.getKey() + "*" + other.getKey());
                }
            }
        }
        return Optional.empty();
    }

    private String named(String dimension) {
        return symbols.containsKey(dimension) ? dimension : "?";
    }

    /** The outputs of a session of which each tensor is one. */
    private Map<String, NodeInfo> outputs(int binding, boolean withoutWeights, List<String> ranksOf)
            throws OrtException {
        return outputs(model(binding, withoutWeights, ranksOf).toByteArray(), file.root(), options);
    }

    /** The graphs of which sessions are opened, but for what it adds to tell scalars apart. */
    private List<byte[]> graphs() {
        return IntStream.of(0, 1, 2, -1)
                .mapToObj(binding -> model(binding, binding >= 0, List.of()).toByteArray())
                .toList();
    }

    static Map<String, NodeInfo> outputs(byte[] graph, Path root, RuntimeOptions options) throws OrtException {
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            // Folds constants; what is an output stays.
            settings.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.BASIC_OPT);
            OrtRuntime.quiet(settings);
            settings.setIntraOpNumThreads(1);
            settings.addConfigEntry(OrtRuntime.LARGEST_FOLDED, LARGEST_FOLDED);
            settings.addConfigEntry(OrtRuntime.WEIGHTS_FOLDER, root.toString());
            OrtRuntime.register(settings, options);
            try (OrtSession session = SharedEnvironment.get().createSession(graph, settings)) {
                return new HashMap<>(session.getOutputInfo());
            }
        }
    }

    private ModelProto model(int binding, boolean withoutWeights, List<String> ranksOf) {
        GraphProto.Builder graph = file.graph().toBuilder()
                .clearValueInfo()
                .clearInput()
                .clearOutput()
                .clearInitializer();
        for (ValueInfoProto input : file.graph().getInputList()) {
            List<String> axes = inputs.get(input.getName());
            graph.addInput(axes == null ? input : bound(input, axes, binding));
        }
        Set<String> declared = new HashSet<>();
        file.graph().getInputList().forEach(input -> declared.add(input.getName()));
        for (TensorProto initializer : file.graph().getInitializerList()) {
            boolean large = initializer.getDimsList().stream().reduce(1L, (a, b) -> a * b) > LARGE;
            if (!withoutWeights || !large) {
                graph.addInitializer(initializer);
            } else if (declared.add(initializer.getName())) {
                graph.addInput(OnnxProtos.valueInfo(
                        initializer.getName(),
                        initializer.getDataType(),
                        initializer.getDimsList().stream().map(String::valueOf).toList()));
            }
        }
        graph.clearNode();
        for (NodeProto node : file.graph().getNodeList()) {
            if (NOT_INFERRED.containsKey(OnnxGraph.operator(node)) && node.getOutputCount() == 1 && file.opset() < 16) {
                addNegated(graph, node);
            } else {
                graph.addNode(node);
            }
            for (String output : node.getOutputList()) {
                if (!output.isEmpty() && !optional.contains(output)) {
                    graph.addOutput(ValueInfoProto.newBuilder().setName(output));
                }
            }
        }
        for (int i = 0; i < ranksOf.size(); i++) {
            graph.addNode(NodeProto.newBuilder()
                    .setOpType("Shape")
                    .addInput(ranksOf.get(i))
                    .addOutput(RANK + i));
            graph.addOutput(ValueInfoProto.newBuilder().setName(RANK + i));
        }
        return OnnxGuard.forShapes(file.model().toBuilder().setGraph(graph).build(), file.opset());
    }

    private static void addNegated(GraphProto.Builder graph, NodeProto node) {
        String opposite = "modscan.opposite." + node.getOutput(0);
        graph.addNode(
                node.toBuilder().setOpType(NOT_INFERRED.get(node.getOpType())).setOutput(0, opposite));
        graph.addNode(NodeProto.newBuilder().setOpType("Not").addInput(opposite).addOutput(node.getOutput(0)));
    }

    private ValueInfoProto bound(ValueInfoProto input, List<String> axes, int binding) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (String axis : axes) {
            if (!OnnxProtos.isSymbol(axis)) {
                shape.addDimBuilder().setDimValue(Long.parseLong(axis));
            } else if (binding < 0) {
                shape.addDimBuilder().setDimParam(axis);
            } else {
                shape.addDimBuilder()
                        .setDimValue(symbols.getOrDefault(axis, usual(0)).get(binding));
            }
        }
        TypeProto.Builder type = input.getType().toBuilder();
        type.getTensorTypeBuilder().setShape(shape);
        return input.toBuilder().setType(type).build();
    }
}
