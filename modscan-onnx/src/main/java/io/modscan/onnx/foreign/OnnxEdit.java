package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/** Somebody's graph with other outputs, nodes behind it, and without what these don't need. */
final class OnnxEdit {

    private final OnnxFile file;
    private final Set<String> names = new HashSet<>();
    private final Map<String, ValueInfoProto> inputs = new LinkedHashMap<>();
    private final List<TensorProto> constants = new ArrayList<>();
    private final List<NodeProto> nodes = new ArrayList<>();
    private final List<ValueInfoProto> outputs = new ArrayList<>();
    /** By the tensors that they yield in place of the graph's own nodes. */
    private final Map<String, Between> between = new LinkedHashMap<>();

    /**
     * Nodes between what the graph computes and all who read it.
     *
     * @param before what the graph's own node yields now
     * @param nodes  of which the last yields the tensor
     */
    private record Between(String before, List<NodeProto> nodes) {}

    OnnxEdit(OnnxFile file) {
        this.file = file;
        file.graph().getInputList().forEach(input -> names.add(input.getName()));
        file.graph().getInitializerList().forEach(initializer -> names.add(initializer.getName()));
        file.graph().getNodeList().forEach(node -> names.addAll(node.getOutputList()));
    }

    /** A name like this one that nothing has yet. */
    private String fresh(String name) {
        String free = name;
        for (int i = 2; !names.add(free); i++) {
            free = name + "_" + i;
        }
        return free;
    }

    /** An input beside the graph's own, once for each name. */
    String input(String name, int type, List<String> axes) {
        if (!inputs.containsKey(name)) {
            if (!names.add(name)) {
                throw new ModscanException(file.path() + ": has a tensor '" + name
                        + "', a name that is needed for what is added behind the graph; rename it");
            }
            inputs.put(name, OnnxProtos.valueInfo(name, type, axes));
        }
        return name;
    }

    /** A constant list of int64. */
    String longs(Collection<Long> values) {
        String name = fresh("modscan.constant");
        constants.add(TensorProto.newBuilder()
                .setName(name)
                .setDataType(OnnxTypes.INT64)
                .addDims(values.size())
                .addAllInt64Data(values)
                .build());
        return name;
    }

    /** A constant float without axes. */
    String scalar(float value) {
        String name = fresh("modscan.constant");
        constants.add(TensorProto.newBuilder()
                .setName(name)
                .setDataType(OnnxTypes.FLOAT)
                .addFloatData(value)
                .build());
        return name;
    }

    /** A constant [1, width] that holds one value throughout. */
    String row(int width, float value) {
        String name = fresh("modscan.constant");
        constants.add(TensorProto.newBuilder()
                .setName(name)
                .setDataType(OnnxTypes.FLOAT)
                .addDims(1)
                .addDims(width)
                .addAllFloatData(Collections.nCopies(width, value))
                .build());
        return name;
    }

    boolean hasWhere() {
        return hasWhere(file);
    }

    /** Opset 9 brought Where. */
    static boolean hasWhere(OnnxFile file) {
        return file.opset() >= 9;
    }

    /**
     * Puts nodes between a tensor and all who read it, the bodies of nodes and the graph's outputs included. It keeps its name, so that
     * no reader is to be changed.
     *
     * @param tensor what a node of the graph yields
     * @param by     adds the nodes behind the name that the tensor has before them; returns the output of the last
     */
    void between(String tensor, UnaryOperator<String> by) {
        String before = fresh("modscan.before." + tensor);
        int from = nodes.size();
        String last = by.apply(before);
        List<NodeProto> added = nodes.subList(from, nodes.size());
        List<NodeProto> moved = new ArrayList<>(added);
        added.clear();
        moved.replaceAll(node -> node.getOutput(0).equals(last)
                ? node.toBuilder().setOutput(0, tensor).build()
                : node);
        between.put(tensor, new Between(before, moved));
    }

    /** The graph's own nodes, with those between. */
    private List<NodeProto> graphNodes() {
        List<NodeProto> all = new ArrayList<>();
        for (NodeProto node : file.graph().getNodeList()) {
            NodeProto.Builder own = node.toBuilder();
            List<NodeProto> behind = new ArrayList<>();
            for (int i = 0; i < node.getOutputCount(); i++) {
                Between here = between.get(node.getOutput(i));
                if (here != null) {
                    own.setOutput(i, here.before());
                    behind.addAll(here.nodes());
                }
            }
            all.add(behind.isEmpty() ? node : own.build());
            all.addAll(behind);
        }
        return all;
    }

    /** A node of an operator of ONNX's own behind the graph; returns its output. */
    String op(String type, List<String> reads, AttributeProto... attributes) {
        String name = fresh("modscan." + type);
        nodes.add(NodeProto.newBuilder()
                .setOpType(type)
                .setName(name)
                .addAllInput(reads)
                .addOutput(name)
                .addAllAttribute(List.of(attributes))
                .build());
        return name;
    }

    /** The first of an axis, as many as a tensor [1] tells. Opset 10 made an input of what was an attribute. */
    String slice(String values, String count, int axis) {
        if (file.opset() < 10) {
            throw new UnsupportedModelException(file.path() + ": is of opset " + file.opset()
                    + ", in which no length can be cut off that is not fixed; from opset 10 on it can");
        }
        return op("Slice", List.of(values, longs(List.of(0L)), count, longs(List.of((long) axis))));
    }

    /** A reduction over one axis, which stays with length 1. Opset 18 made an input of what was an attribute. */
    String reduce(String type, String values, long axis) {
        return file.opset() >= 18 || (type.equals("ReduceSum") && file.opset() >= 13)
                ? op(type, List.of(values, longs(List.of(axis))), OnnxProtos.attribute("keepdims", 1L))
                : op(
                        type,
                        List.of(values),
                        OnnxProtos.attribute("axes", new long[] {axis}),
                        OnnxProtos.attribute("keepdims", 1L));
    }

    /** Makes a tensor an output. Its type and shape are left to inference. */
    void output(String tensor) {
        outputs.add(ValueInfoProto.newBuilder().setName(tensor).build());
    }

    /** Makes a tensor an output of known type and axes. */
    void output(ValueInfoProto tensor) {
        outputs.add(tensor);
    }

    /** The model, without what the outputs don't need. */
    ModelProto build() {
        GraphProto.Builder graph = file.graph().toBuilder();
        if (!between.isEmpty()) {
            graph.clearNode().addAllNode(graphNodes());
        }
        graph.addAllInput(inputs.values()).addAllInitializer(constants).addAllNode(nodes);
        Set<String> needed = new OnnxGraph(graph.build())
                .needed(outputs.stream().map(ValueInfoProto::getName).toList());
        GraphProto whole = graph.build();
        graph.clearInput()
                .clearInitializer()
                .clearNode()
                .clearOutput()
                .clearValueInfo()
                .clearSparseInitializer();
        whole.getInputList().stream()
                .filter(input -> needed.contains(input.getName()))
                .forEach(graph::addInput);
        whole.getInitializerList().stream()
                .filter(initializer -> needed.contains(initializer.getName()))
                .forEach(graph::addInitializer);
        whole.getSparseInitializerList().stream()
                .filter(initializer -> needed.contains(initializer.getValues().getName()))
                .forEach(graph::addSparseInitializer);
        whole.getNodeList().stream()
                .filter(node -> node.getOutputList().stream().anyMatch(needed::contains))
                .forEach(graph::addNode);
        graph.addAllOutput(outputs);
        ModelProto model = nodes.isEmpty() && between.isEmpty() ? file.model() : file.withOwnOperators();
        return model.toBuilder().setGraph(graph).build();
    }
}
