package io.modscan.onnx.internal.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.SparseTensorProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Who reads what in a graph of ONNX. */
public final class OnnxGraph {

    /**
     * Who computes a tensor within a body.
     *
     * @param producer the node itself
     * @param around   the node of the outermost graph in whose attributes that is
     */
    public record Inner(NodeProto producer, NodeProto around) {}

    private final GraphProto graph;
    private final Map<String, NodeProto> producers = new HashMap<>();

    public OnnxGraph(GraphProto graph) {
        this.graph = graph;
        for (NodeProto node : graph.getNodeList()) {
            node.getOutputList().forEach(output -> producers.put(output, node));
        }
    }

    public Optional<NodeProto> producer(String tensor) {
        return Optional.ofNullable(producers.get(tensor));
    }

    /** These tensors and all that they are computed from. */
    public Set<String> needed(Collection<String> tensors) {
        Set<String> needed = new HashSet<>();
        Deque<String> open = new ArrayDeque<>(tensors);
        while (!open.isEmpty()) {
            String tensor = open.remove();
            if (needed.add(tensor)) {
                producer(tensor).ifPresent(node -> open.addAll(reads(node)));
            }
        }
        return needed;
    }

    /**
     * The tensors that hang on some others, these included.
     *
     * @param through the operators that hand a dependence on
     */
    public Set<String> dependents(Collection<String> tensors, Predicate<String> through) {
        Set<String> dependents = new HashSet<>(tensors);
        for (NodeProto node : graph.getNodeList()) {
            if (through.test(node.getOpType()) && reads(node).stream().anyMatch(dependents::contains)) {
                dependents.addAll(node.getOutputList());
            }
        }
        return dependents;
    }

    /** The tensors that a node reads, those that the graphs in its attributes take from around them included. */
    public static Set<String> reads(NodeProto node) {
        Set<String> reads = new LinkedHashSet<>(node.getInputList());
        reads.remove("");
        subgraphs(node).forEach(graph -> reads.addAll(fromOutside(graph)));
        return reads;
    }

    /** The graphs in a node's attributes: the branches of an If, the body of a Loop or a Scan. */
    public static List<GraphProto> subgraphs(NodeProto node) {
        return node.getAttributeList().stream()
                .flatMap(attribute -> attribute.getType() == AttributeProto.AttributeType.GRAPHS
                        ? attribute.getGraphsList().stream()
                        : Optional.of(attribute).filter(AttributeProto::hasG).map(AttributeProto::getG).stream())
                .toList();
    }

    private static Set<String> fromOutside(GraphProto graph) {
        Set<String> inside = new HashSet<>();
        graph.getInputList().stream().map(ValueInfoProto::getName).forEach(inside::add);
        graph.getInitializerList().forEach(initializer -> inside.add(initializer.getName()));
        graph.getSparseInitializerList()
                .forEach(initializer -> inside.add(initializer.getValues().getName()));
        graph.getNodeList().forEach(node -> inside.addAll(node.getOutputList()));
        Set<String> outside = new LinkedHashSet<>();
        graph.getNodeList().forEach(node -> outside.addAll(reads(node)));
        graph.getOutputList().stream().map(ValueInfoProto::getName).forEach(outside::add);
        outside.removeAll(inside);
        return outside;
    }

    /** What is computed within the bodies of nodes, however deep. */
    public Map<String, Inner> inner() {
        Map<String, Inner> inner = new LinkedHashMap<>();
        for (NodeProto node : graph.getNodeList()) {
            subgraphs(node).forEach(body -> addInner(inner, body, node));
        }
        return inner;
    }

    private static void addInner(Map<String, Inner> inner, GraphProto body, NodeProto around) {
        for (NodeProto node : body.getNodeList()) {
            node.getOutputList().stream()
                    .filter(output -> !output.isEmpty())
                    // Two branches may have tensors of one name.
                    .forEach(output -> inner.putIfAbsent(output, new Inner(node, around)));
            subgraphs(node).forEach(deeper -> addInner(inner, deeper, around));
        }
    }

    /**
     * The same graph with other tensors: initializers and those in attributes, in the bodies of nodes too.
     *
     * @param change is given each tensor; what doesn't change it returns the same object
     */
    public static GraphProto withTensors(GraphProto graph, UnaryOperator<TensorProto> change) {
        GraphProto.Builder changed = graph.toBuilder();
        for (int i = 0; i < graph.getInitializerCount(); i++) {
            changed.setInitializer(i, change.apply(graph.getInitializer(i)));
        }
        changed.getSparseInitializerBuilderList().forEach(sparse -> changeSparse(sparse, change));
        for (int i = 0; i < graph.getNodeCount(); i++) {
            NodeProto node = graph.getNode(i);
            if (node.getAttributeList().stream().anyMatch(OnnxGraph::holdsTensors)) {
                NodeProto.Builder builder = node.toBuilder();
                builder.getAttributeBuilderList().forEach(attribute -> changeTensors(attribute, change));
                changed.setNode(i, builder);
            }
        }
        return changed.build();
    }

    private static boolean holdsTensors(AttributeProto attribute) {
        return attribute.hasT()
                || attribute.hasG()
                || attribute.hasSparseTensor()
                || attribute.getSparseTensorsCount() > 0
                || attribute.getTensorsCount() > 0
                || attribute.getGraphsCount() > 0;
    }

    private static void changeTensors(AttributeProto.Builder attribute, UnaryOperator<TensorProto> change) {
        if (attribute.hasT()) {
            attribute.setT(change.apply(attribute.getT()));
        }
        if (attribute.hasSparseTensor()) {
            changeSparse(attribute.getSparseTensorBuilder(), change);
        }
        attribute.getSparseTensorsBuilderList().forEach(sparse -> changeSparse(sparse, change));
        if (attribute.hasG()) {
            attribute.setG(withTensors(attribute.getG(), change));
        }
        for (int i = 0; i < attribute.getTensorsCount(); i++) {
            attribute.setTensors(i, change.apply(attribute.getTensors(i)));
        }
        for (int i = 0; i < attribute.getGraphsCount(); i++) {
            attribute.setGraphs(i, withTensors(attribute.getGraphs(i), change));
        }
    }

    private static void changeSparse(SparseTensorProto.Builder sparse, UnaryOperator<TensorProto> change) {
        sparse.setValues(change.apply(sparse.getValues()));
        sparse.setIndices(change.apply(sparse.getIndices()));
    }

    public static String describe(NodeProto node) {
        String name = node.getName().isEmpty() ? String.join(", ", node.getOutputList()) : node.getName();
        return "'" + name + "' (" + operator(node) + ")";
    }

    /** An operator with its domain, unless it is ONNX's own. */
    public static String operator(NodeProto node) {
        return node.getDomain().isEmpty() || node.getDomain().equals("ai.onnx")
                ? node.getOpType()
                : node.getDomain() + "." + node.getOpType();
    }
}
