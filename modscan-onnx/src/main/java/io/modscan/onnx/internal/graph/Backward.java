package io.modscan.onnx.internal.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The backward pass of a graph: further nodes that compute the gradients of one number a row with respect to tensors. It goes from node to node, last
 * to first, by a {@linkplain Derivatives rule an operator}; forward tensors are used as they are, and nodes are added only where a gradient that is wanted needs
 * them.
 */
public final class Backward {

    /** Operators that only change the form of a tensor: the gradient of what they yield is that of what they are given, in that form. */
    private static final Set<String> VIEWS = Set.of("Reshape", "Transpose", "Identity");

    /** Operators that yield no number that grows or shrinks with what they are given. */
    private static final Set<String> STEPS = Set.of("Greater", "GreaterOrEqual", "Equal", "And", "Not", "Shape");

    private final GraphBuilder graph;
    /** What is summed up in something that is on the way, and along which axis: each term has the sum's gradient. */
    private final Map<String, Sum> terms = new LinkedHashMap<>();

    private final Map<String, List<String>> contributions = new LinkedHashMap<>();
    private final Map<String, String> gradients = new LinkedHashMap<>();

    private record Sum(String tensor, long axis) {}

    public Backward(GraphBuilder graph) {
        this.graph = graph;
    }

    /** What the gradient of a tensor is called. */
    public static String of(String tensor) {
        return tensor + ".gradient";
    }

    /** Says that a tensor is the sum of another one's slices along an axis, which nothing else reads. */
    public void sums(String terms, String sum, long axis) {
        this.terms.put(terms, new Sum(sum, axis));
    }

    /** The tensor on whose gradient that of a tensor hangs. */
    public String standsFor(String tensor) {
        return Optional.ofNullable(terms.get(tensor)).map(Sum::tensor).orElse(tensor);
    }

    /**
     * Adds the gradients of some tensors, each under the name {@link #of} it.
     *
     * @param from     the last tensor on the way
     * @param gradient the gradient there
     * @param wanted   the tensors
     * @return those of them that the last tensor does not hang on, which have none
     */
    public List<String> run(String from, String gradient, Collection<String> wanted) {
        Set<String> before = graph.before(List.of(from));
        Map<String, List<NodeProto>> views = new LinkedHashMap<>();
        List<String> none = new ArrayList<>();
        Set<String> ends = new LinkedHashSet<>();
        for (String tensor : wanted) {
            List<NodeProto> back = new ArrayList<>();
            String end = origin(standsFor(tensor), before, back);
            views.put(tensor, back);
            if (before.contains(end)) {
                ends.add(end);
            } else {
                none.add(tensor);
            }
        }
        if (!none.isEmpty()) {
            return none;
        }
        walk(from, gradient, onTheWay(before, ends));
        views.forEach(this::name);
        return List.of();
    }

    /** The tensor on the way that another one is only a view of; the one itself if there is none. */
    private String origin(String tensor, Set<String> before, List<NodeProto> views) {
        String at = tensor;
        while (!before.contains(at)) {
            Optional<NodeProto> node = graph.node(at).filter(by -> VIEWS.contains(by.getOpType()));
            if (node.isEmpty()) {
                return tensor;
            }
            views.add(0, node.get());
            at = node.get().getInput(0);
        }
        return at;
    }

    /** The tensors that hang on one of some, and that something else hangs on. */
    private Set<String> onTheWay(Set<String> before, Set<String> ends) {
        Set<String> way = new LinkedHashSet<>(ends);
        for (NodeProto node : graph.protos()) {
            if (!STEPS.contains(node.getOpType())
                    && node.getInputList().stream().anyMatch(way::contains)) {
                node.getOutputList().stream().filter(before::contains).forEach(way::add);
            }
        }
        return way;
    }

    private void walk(String from, String gradient, Set<String> way) {
        contributions.put(from, new ArrayList<>(List.of(gradient)));
        List<NodeProto> nodes = graph.protos();
        Derivatives derivatives = new Derivatives(graph);
        for (int i = nodes.size() - 1; i >= 0; i--) {
            NodeProto node = nodes.get(i);
            String output = node.getOutput(0);
            List<Integer> inputs = new ArrayList<>();
            for (int input = 0; input < node.getInputCount(); input++) {
                if (way.contains(node.getInput(input))) {
                    inputs.add(input);
                }
            }
            if (!contributions.containsKey(output) || inputs.isEmpty()) {
                continue;
            }
            String behind = gradient(output);
            for (int input : inputs) {
                String name = "gradient/" + output + "/" + input;
                contributions
                        .computeIfAbsent(node.getInput(input), tensor -> new ArrayList<>())
                        .add(derivatives.of(node, input, behind, name));
            }
        }
    }

    /** The sum of what has come together; nothing comes to it any more once it is asked for. */
    private String gradient(String tensor) {
        return gradients.computeIfAbsent(tensor, key -> {
            List<String> parts = contributions.get(key);
            if (parts == null) {
                throw new IllegalStateException("nothing reads " + key);
            }
            String sum = parts.get(0);
            for (int i = 1; i < parts.size(); i++) {
                sum = graph.op("Add", "gradient/" + key + (i == parts.size() - 1 ? "" : "/to_" + i), sum, parts.get(i));
            }
            return sum;
        });
    }

    private void name(String tensor, List<NodeProto> views) {
        Sum sum = terms.get(tensor);
        String at = gradient(views.isEmpty() ? standsFor(tensor) : views.get(0).getInput(0));
        for (NodeProto view : views) {
            at = graph.again(view, at, "gradient/" + view.getOutput(0) + "/view");
        }
        if (sum == null) {
            graph.op("Identity", of(tensor), at);
            return;
        }
        String apart = graph.unsqueeze(tensor + "/gradient_apart", at, sum.axis());
        graph.op("Expand", of(tensor), apart, graph.op("Shape", tensor + "/shape", tensor));
    }
}
