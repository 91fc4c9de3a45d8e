package io.modscan.onnx.internal.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.onnx.runtime.CpuOperators;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Collects the nodes of an ONNX graph, in order of computation. Tensors are known by name; {@link #build} keeps only what
 * the wanted outputs need. Weights are not copied: they are external data, at their offset in the checkpoint's own file.
 */
public final class GraphBuilder {

    /** The last ONNX version in which ReduceMax and ReduceL2 take their axes as an attribute. */
    static final int OPSET = 17;

    static final int IR_VERSION = 8;

    public static final String PRODUCER = "modscan";

    /** The key of the metadata under which the text of an export's config stands. */
    public static final String CONFIG = "model.config";

    /** The key of the metadata under which the graph's checksum stands. */
    public static final String GRAPH_CHECKSUM = "modscan.graph";

    /** The operators in use and the opset in which each took the form in use. */
    private static final Map<String, Integer> SINCE = Map.ofEntries(
            Map.entry("Add", 14),
            Map.entry("And", 7),
            Map.entry("Cast", 13),
            Map.entry("Clip", 13),
            Map.entry("Concat", 13),
            Map.entry("CumSum", 14),
            Map.entry("Div", 14),
            Map.entry("Equal", 13),
            Map.entry("Erf", 13),
            Map.entry("Exp", 13),
            Map.entry("Expand", 13),
            Map.entry("Gather", 13),
            Map.entry("GatherElements", 13),
            Map.entry("GatherND", 13),
            Map.entry("Gemm", 13),
            Map.entry("Greater", 13),
            Map.entry("GreaterOrEqual", 16),
            Map.entry("HardSwish", 14),
            Map.entry("Identity", 16),
            Map.entry("LayerNormalization", 17),
            Map.entry("LeakyRelu", 16),
            Map.entry("MatMul", 13),
            Map.entry("Min", 13),
            Map.entry("Mod", 13),
            Map.entry("Mul", 14),
            Map.entry("Not", 1),
            Map.entry("Neg", 13),
            Map.entry("OneHot", 11),
            Map.entry("PRelu", 16),
            Map.entry("Range", 11),
            Map.entry("ReduceL2", 13),
            Map.entry("ReduceLogSumExp", 13),
            Map.entry("ReduceMax", 13),
            Map.entry("ReduceMean", 13),
            Map.entry("ReduceSum", 13),
            Map.entry("Relu", 14),
            Map.entry("Reshape", 14),
            Map.entry("Shape", 15),
            Map.entry("Sigmoid", 13),
            Map.entry("Slice", 13),
            Map.entry("Softmax", 13),
            Map.entry("Softplus", 1),
            Map.entry("Sqrt", 13),
            Map.entry("Sub", 14),
            Map.entry("Tanh", 13),
            Map.entry("Transpose", 13),
            Map.entry("Unsqueeze", 13),
            Map.entry("Where", 16));

    /** The domain of operators that ONNX Runtime has besides ONNX's own. */
    private static final String RUNTIME_DOMAIN = "com.microsoft";

    /** A graph output. */
    public record Output(String tensor, DType type, List<String> shape) {
        public Output(String tensor, List<String> shape) {
            this(tensor, DType.F32, shape);
        }
    }

    private record Node(List<String> outputs, NodeProto proto) {}

    private final String graphName;
    private final List<ValueInfoProto> inputs = new ArrayList<>();
    private final Set<String> optional = new LinkedHashSet<>();
    private final Map<String, TensorProto> constants = new LinkedHashMap<>();
    private final Map<String, StoredTensor> weights = new LinkedHashMap<>();
    /** Weights that are nowhere, and all that needs them. */
    private final Set<String> outOfReach = new LinkedHashSet<>();

    private final Map<String, Node> nodes = new LinkedHashMap<>();
    private final Set<String> names = new LinkedHashSet<>();

    public GraphBuilder(String graphName) {
        this.graphName = graphName;
    }

    /** Declares a graph input; a dimension is a number or a symbol. */
    public String input(String name, DType type, String... shape) {
        inputs.add(OnnxProtos.valueInfo(claim(name), OnnxTypes.number(type), List.of(shape)));
        return name;
    }

    /** An input that is declared only where an output needs it. */
    public String optionalInput(String name, DType type, String... shape) {
        optional.add(name);
        return input(name, type, shape);
    }

    /** A weight, which stays where it is. */
    public String weight(StoredTensor tensor) {
        if (weights.putIfAbsent(tensor.name(), tensor) == null) {
            claim(tensor.name());
        }
        return tensor.name();
    }

    /** A weight that is nowhere: what needs it cannot be an output. */
    public String absentWeight(String name) {
        if (outOfReach.add(name)) {
            claim(name);
        }
        return name;
    }

    /** Whether all weights that a tensor needs are there. */
    public boolean canCompute(String tensor) {
        return !outOfReach.contains(tensor);
    }

    /** A constant list of int64. */
    public String longs(String name, long... values) {
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setDataType(TensorProto.DataType.INT64.getNumber())
                .addDims(values.length);
        for (long value : values) {
            tensor.addInt64Data(value);
        }
        return constant(name, tensor);
    }

    /** A constant int64 without axes. */
    public String scalar(String name, long value) {
        return constant(
                name,
                TensorProto.newBuilder()
                        .setDataType(TensorProto.DataType.INT64.getNumber())
                        .addInt64Data(value));
    }

    /** A constant float without axes. */
    public String scalar(String name, float value) {
        return constant(
                name,
                TensorProto.newBuilder()
                        .setDataType(TensorProto.DataType.FLOAT.getNumber())
                        .addFloatData(value));
    }

    /** A constant float tensor of a shape. */
    public String floats(String name, List<Long> shape, float... values) {
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setDataType(TensorProto.DataType.FLOAT.getNumber())
                .addAllDims(shape);
        for (float value : values) {
            tensor.addFloatData(value);
        }
        return constant(name, tensor);
    }

    /** A constant vector that holds one value throughout. */
    public String filled(String name, int length, float value) {
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setDataType(TensorProto.DataType.FLOAT.getNumber())
                .addDims(length);
        for (int i = 0; i < length; i++) {
            tensor.addFloatData(value);
        }
        return constant(name, tensor);
    }

    private String constant(String name, TensorProto.Builder tensor) {
        TensorProto built = tensor.setName(name).build();
        if (!built.equals(constants.get(name))) {
            constants.put(claim(name), built);
        }
        return name;
    }

    /** Adds a node and returns its output, whose name is the node's too. */
    public String op(String type, String output, List<String> inputs, AttributeProto... attributes) {
        Integer since = SINCE.get(type);
        if (since == null || since > OPSET) {
            throw new IllegalStateException("operator " + type + " is not in the table of opset " + OPSET);
        }
        return node("", type, List.of(output), inputs, attributes);
    }

    /** A node without attributes. */
    public String op(String type, String output, String... inputs) {
        return op(type, output, List.of(inputs));
    }

    public String unsqueeze(String output, String input, long... axes) {
        StringBuilder name = new StringBuilder("axes");
        for (long axis : axes) {
            name.append('_').append(axis);
        }
        return op("Unsqueeze", output, input, longs(name.toString(), axes));
    }

    public String transpose(String output, String input, long... permutation) {
        return op("Transpose", output, List.of(input), OnnxProtos.attribute("perm", permutation));
    }

    public String cast(String output, String input, DType type) {
        return op("Cast", output, List.of(input), OnnxProtos.to(type));
    }

    /**
     * Adds a node of one of ONNX Runtime's own operators, which no other runtime knows, and returns its first output, whose
     * name is the node's too.
     *
     * @param outputs their names; an empty one stands for an output that is not wanted
     * @param inputs  their names; an empty one stands for an input that is left out
     */
    public String runtimeOp(String type, List<String> outputs, List<String> inputs, AttributeProto... attributes) {
        return node(RUNTIME_DOMAIN, type, outputs, inputs, attributes);
    }

    String node(String domain, String type, List<String> outputs, List<String> inputs, AttributeProto... attributes) {
        String name = outputs.get(0);
        List<String> given = inputs.stream().filter(input -> !input.isEmpty()).toList();
        for (String input : given) {
            if (!names.contains(input)) {
                throw new IllegalStateException(
                        "node " + name + " reads " + input + ", which nothing yields before it");
            }
        }
        Node node = new Node(
                outputs.stream().filter(output -> !output.isEmpty()).toList(),
                NodeProto.newBuilder()
                        .setDomain(domain)
                        .setOpType(type)
                        .setName(name)
                        .addAllInput(inputs)
                        .addAllOutput(outputs)
                        .addAllAttribute(List.of(attributes))
                        .build());
        boolean reachable = given.stream().noneMatch(outOfReach::contains);
        for (String output : node.outputs()) {
            nodes.put(claim(output), node);
            if (!reachable) {
                outOfReach.add(output);
            }
        }
        return name;
    }

    /** The nodes so far, in order of computation. */
    List<NodeProto> protos() {
        return nodes.values().stream().distinct().map(Node::proto).toList();
    }

    /** The node that yields a tensor. */
    Optional<NodeProto> node(String tensor) {
        return Optional.ofNullable(nodes.get(tensor)).map(Node::proto);
    }

    /** A node once more, with another first input. */
    String again(NodeProto node, String input, String output) {
        List<String> inputs = new ArrayList<>(node.getInputList());
        inputs.set(0, input);
        return node(
                node.getDomain(),
                node.getOpType(),
                List.of(output),
                inputs,
                node.getAttributeList().toArray(AttributeProto[]::new));
    }

    /** How many axes a factor of a stack of products has: as many as it was reshaped to, or the four of heads and positions. */
    int axes(String tensor) {
        return node(tensor)
                .filter(by -> by.getOpType().equals("Reshape"))
                .map(by -> constants.get(by.getInput(1)))
                .map(shape -> Math.toIntExact(shape.getDims(0)))
                .orElse(4);
    }

    /** Whether a tensor is a weight, cast or as it is stored. */
    boolean isWeight(String tensor) {
        return weights.containsKey(tensor)
                || (outOfReach.contains(tensor) && node(tensor).isEmpty())
                || node(tensor)
                        .filter(by -> by.getOpType().equals("Cast"))
                        .filter(by -> isWeight(by.getInput(0)))
                        .isPresent();
    }

    /** As many ones as a vector has numbers. */
    String ones(String vector) {
        if (constants.containsKey(vector) || outOfReach.contains(vector)) {
            return vector;
        }
        StoredTensor stored =
                weights.get(node(vector).map(cast -> cast.getInput(0)).orElse(vector));
        int length =
                Math.toIntExact(Objects.requireNonNull(stored, vector).shape().get(0));
        return filled("ones_" + length, length, 1f);
    }

    /** Whether any node is one of ONNX Runtime's own operators. */
    boolean hasRuntimeOps() {
        return nodes.values().stream().anyMatch(node -> node.proto().getDomain().equals(RUNTIME_DOMAIN));
    }

    public boolean has(String tensor) {
        return names.contains(tensor);
    }

    private String claim(String name) {
        if (!names.add(name)) {
            throw new IllegalStateException("two tensors would be named " + name);
        }
        return name;
    }

    /** The names of all that the given outputs need, themselves included. */
    public Set<String> neededFor(List<Output> outputs) {
        return needed(outputs.stream().map(Output::tensor).toList());
    }

    /** The weights that the given outputs need, in the order in which they were added. */
    public List<StoredTensor> weightsFor(List<Output> outputs) {
        Set<String> needed = neededFor(outputs);
        return weights.values().stream()
                .filter(weight -> needed.contains(weight.name()))
                .toList();
    }

    /** The names of all that some tensors need, themselves included. */
    Set<String> before(List<String> tensors) {
        return needed(tensors);
    }

    /** Serialises the model with the given outputs and nothing that they don't need. */
    public byte[] build(List<Output> outputs, WeightLocation location, Map<String, String> metadata, String version) {
        return build(outputs, neededNodes(names(outputs)), location, metadata, version);
    }

    /** The same with {@link CpuOperators}, as far as these can compute it. */
    public byte[] buildFused(
            List<Output> outputs, WeightLocation location, Map<String, String> metadata, String version) {
        Set<String> ends = names(outputs);
        List<String> open = new ArrayList<>(ends);
        Stream.of(ProductFusion.ADDED_MASK).filter(this::has).forEach(open::add);
        return build(outputs, ProductFusion.of(neededNodes(open), ends, weights), location, metadata, version);
    }

    private static Set<String> names(List<Output> outputs) {
        return outputs.stream().map(Output::tensor).collect(Collectors.toSet());
    }

    private List<NodeProto> neededNodes(Collection<String> tensors) {
        Set<String> needed = needed(tensors);
        if (needed.stream().anyMatch(outOfReach::contains)) {
            throw new IllegalStateException("outputs need weights that are not there");
        }
        return nodes.values().stream()
                .distinct()
                .filter(node -> node.outputs().stream().anyMatch(needed::contains))
                .map(Node::proto)
                .toList();
    }

    private static Function<String, Optional<NodeProto>> producers(List<NodeProto> nodes) {
        Map<String, NodeProto> producers = new HashMap<>();
        nodes.forEach(node -> node.getOutputList().forEach(output -> producers.put(output, node)));
        return tensor -> Optional.ofNullable(producers.get(tensor));
    }

    private byte[] build(
            List<Output> outputs,
            List<NodeProto> from,
            WeightLocation location,
            Map<String, String> metadata,
            String version) {
        Set<String> needed = needed(names(outputs), producers(from));
        GraphProto.Builder graph = GraphProto.newBuilder().setName(graphName);
        inputs.stream()
                .filter(input -> !optional.contains(input.getName()) || needed.contains(input.getName()))
                .forEach(graph::addInput);
        weights.values().stream()
                .filter(weight -> needed.contains(weight.name()))
                .forEach(weight -> graph.addInitializer(external(weight, location)));
        constants.values().stream()
                .filter(constant -> needed.contains(constant.getName()))
                .forEach(graph::addInitializer);
        from.stream()
                .filter(node -> node.getOutputList().stream().anyMatch(needed::contains))
                .forEach(graph::addNode);
        outputs.forEach(output -> graph.addOutput(
                OnnxProtos.valueInfo(output.tensor(), OnnxTypes.number(output.type()), output.shape())));
        GraphProto built = graph.build();
        ModelProto.Builder model = ModelProto.newBuilder()
                .setIrVersion(IR_VERSION)
                .setProducerName(PRODUCER)
                .setProducerVersion(version)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
                .setGraph(built);
        built.getNodeList().stream()
                .map(NodeProto::getDomain)
                .filter(domain -> !domain.isEmpty())
                .distinct()
                .forEach(domain -> model.addOpsetImport(
                        OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(1)));
        Map<String, String> properties = new LinkedHashMap<>(metadata);
        properties.put(GRAPH_CHECKSUM, checksum(built));
        properties.forEach((key, value) -> model.addMetadataProps(
                StringStringEntryProto.newBuilder().setKey(key).setValue(value)));
        return model.build().toByteArray();
    }

    /** A checksum of a graph, by which it shows that nobody has edited it since. */
    public static String checksum(GraphProto graph) {
        CRC32 checksum = new CRC32();
        checksum.update(graph.toByteArray());
        return Long.toHexString(checksum.getValue());
    }

    private Set<String> needed(Collection<String> tensors) {
        return needed(tensors, tensor -> Optional.ofNullable(nodes.get(tensor)).map(Node::proto));
    }

    private static Set<String> needed(Collection<String> tensors, Function<String, Optional<NodeProto>> producer) {
        Set<String> needed = new LinkedHashSet<>();
        Deque<String> open = new ArrayDeque<>(tensors);
        while (!open.isEmpty()) {
            String tensor = open.remove();
            Optional<NodeProto> node = producer.apply(tensor);
            if (needed.add(tensor) && node.isPresent()) {
                node.get().getInputList().stream()
                        .filter(input -> !input.isEmpty())
                        .forEach(open::add);
            }
        }
        return needed;
    }

    private static TensorProto external(StoredTensor weight, WeightLocation location) {
        WeightLocation.Place place = location.of(WeightBytes.of(weight));
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setName(weight.name())
                .setDataType(OnnxTypes.number(weight.dtype()))
                .addAllDims(weight.shape());
        return OnnxProtos.external(tensor, place.file(), place.offset(), weight.length())
                .build();
    }
}
