package io.modscan.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** Who reads what in a graph of ONNX. */
final class OnnxGraph {

    private final GraphProto graph;
    private final Map<String, NodeProto> producers = new HashMap<>();

    OnnxGraph(GraphProto graph) {
        this.graph = graph;
        for (NodeProto node : graph.getNodeList()) {
            node.getOutputList().forEach(output -> producers.put(output, node));
        }
    }

    Optional<NodeProto> producer(String tensor) {
        return Optional.ofNullable(producers.get(tensor));
    }

    /** These tensors and all that they are computed from. */
    Set<String> needed(Collection<String> tensors) {
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
    Set<String> dependents(Collection<String> tensors, Predicate<String> through) {
        Set<String> dependents = new HashSet<>(tensors);
        for (NodeProto node : graph.getNodeList()) {
            if (through.test(node.getOpType()) && reads(node).stream().anyMatch(dependents::contains)) {
                dependents.addAll(node.getOutputList());
            }
        }
        return dependents;
    }

    /** The tensors that a node reads, those that the graphs in its attributes take from around them included. */
    static Set<String> reads(NodeProto node) {
        Set<String> reads = new LinkedHashSet<>(node.getInputList());
        reads.remove("");
        subgraphs(node).forEach(graph -> reads.addAll(fromOutside(graph)));
        return reads;
    }

    /** The graphs in a node's attributes: the branches of an If, the body of a Loop or a Scan. */
    static List<GraphProto> subgraphs(NodeProto node) {
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
        graph.getNodeList().forEach(node -> inside.addAll(node.getOutputList()));
        Set<String> outside = new LinkedHashSet<>();
        graph.getNodeList().forEach(node -> outside.addAll(reads(node)));
        graph.getOutputList().stream().map(ValueInfoProto::getName).forEach(outside::add);
        outside.removeAll(inside);
        return outside;
    }

    /** The node in whose attributes a tensor of this name is computed. */
    Optional<NodeProto> around(String tensor) {
        return graph.getNodeList().stream()
                .filter(node -> subgraphs(node).stream().anyMatch(inner -> computes(inner, tensor)))
                .findFirst();
    }

    private static boolean computes(GraphProto graph, String tensor) {
        return graph.getNodeList().stream()
                .anyMatch(node -> node.getOutputList().contains(tensor)
                        || subgraphs(node).stream().anyMatch(inner -> computes(inner, tensor)));
    }

    static String describe(NodeProto node) {
        String name = node.getName().isEmpty() ? String.join(", ", node.getOutputList()) : node.getName();
        return "'" + name + "' (" + operator(node) + ")";
    }

    /** An operator with its domain, unless it is ONNX's own. */
    static String operator(NodeProto node) {
        return node.getDomain().isEmpty() || node.getDomain().equals("ai.onnx")
                ? node.getOpType()
                : node.getDomain() + "." + node.getOpType();
    }
}
