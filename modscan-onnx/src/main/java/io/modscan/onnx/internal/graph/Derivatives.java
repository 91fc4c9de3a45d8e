package io.modscan.onnx.internal.graph;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * What the gradient of a node's output makes of that of one of its inputs, operator by operator. At kinks (of ReLU at 0, say) it is what
 * PyTorch takes.
 */
final class Derivatives {

    private final GraphBuilder graph;

    Derivatives(GraphBuilder graph) {
        this.graph = graph;
    }

    /**
     * Adds what comes to an input.
     *
     * @param node     the node
     * @param input    which of its inputs, one that is as large as the output or larger
     * @param gradient of its output
     * @param name     the result's, which those of inner nodes begin with
     * @return the tensor: the result, or another one that is the same
     */
    String of(NodeProto node, int input, String gradient, String name) {
        String x = node.getInput(0);
        String y = node.getOutput(0);
        Inner inner = new Inner(graph, name);
        return switch (node.getOpType()) {
            case "Add", "Identity" -> gradient;
            case "Sub" -> input == 0 ? gradient : inner.op("Neg", "", gradient);
            case "Mul" -> inner.op("Mul", "", gradient, node.getInput(1 - input));
            case "Div" -> inner.op("Div", "", gradient, onlyFirst(node, input));
            case "MatMul" -> product(node, input, gradient, name);
            case "FusedMatMul" -> transposedProduct(node, input, gradient, name);
            case "Reshape" -> inner.op("Reshape", "", gradient, inner.op("Shape", "shape", x));
            case "Transpose" -> graph.transpose(name, gradient, inverse(node));
            case "Where" -> masked(node, input, gradient, inner);
            case "Softmax" -> softmax(y, gradient, inner);
            case "LayerNormalization" -> layerNorm(node, gradient, inner);
            case "Relu" -> inner.where(inner.op("Greater", "mask", y, inner.number(0)), gradient, inner.number(0));
            case "LeakyRelu" -> {
                String slope = inner.number(number(node, "alpha"));
                yield leaky(x, gradient, inner.op("Mul", "leaked", gradient, slope), inner);
            }
            case "PRelu" -> leaky(x, gradient, inner.op("Mul", "leaked", gradient, onlyFirst(node, input)), inner);
            case "Clip" -> clip(node, gradient, inner);
            case "Min" -> {
                String mask = inner.op("Greater", "mask", onlyFirst(node, input), x);
                yield inner.where(mask, gradient, inner.number(0));
            }
            default -> smooth(node, gradient, inner);
        };
    }

    /** Of functions whose slope at each point is a formula of the point or of the value there. */
    private String smooth(NodeProto node, String gradient, Inner inner) {
        String x = node.getInput(0);
        String y = node.getOutput(0);
        String slope = switch (node.getOpType()) {
            case "Exp" -> y;
            case "Tanh" -> inner.op("Sub", "slope", inner.number(1), inner.op("Mul", "square", y, y));
            case "Sigmoid" -> inner.op("Mul", "slope", y, inner.op("Sub", "one_minus", inner.number(1), y));
            case "Softplus" -> inner.op("Sigmoid", "slope", x);
            case "Sqrt" -> inner.op("Div", "slope", inner.number(0.5), y);
            case "Erf" -> {
                String bell = inner.op("Exp", "bell", inner.op("Neg", "minus", inner.op("Mul", "square", x, x)));
                yield inner.op("Mul", "slope", bell, inner.number(2 / Math.sqrt(Math.PI)));
            }
            case "HardSwish" -> {
                String middle =
                        inner.op("Add", "middle", inner.op("Div", "third", x, inner.number(3)), inner.number(0.5));
                String above = inner.op("Greater", "above", x, inner.number(3));
                String below = inner.op("Greater", "below", inner.number(-3), x);
                String upper = inner.op("Where", "upper", above, inner.number(1), middle);
                yield inner.op("Where", "slope", below, inner.number(0), upper);
            }
            default ->
                throw new IllegalStateException(
                        "no derivative of " + node.getOpType() + " is known, which yields " + node.getOutput(0));
        };
        return inner.op("Mul", "", gradient, slope);
    }

    /** The second input, of operators that are differentiated with respect to their first only. */
    private static String onlyFirst(NodeProto node, int input) {
        if (input != 0) {
            throw new IllegalStateException("no derivative of " + node.getOpType() + " with respect to its input "
                    + input + " is known, which yields " + node.getOutput(0));
        }
        return node.getInput(1);
    }

    private String leaky(String x, String gradient, String leaked, Inner inner) {
        return inner.where(inner.op("Greater", "mask", x, inner.number(0)), gradient, leaked);
    }

    private String clip(NodeProto node, String gradient, Inner inner) {
        String x = node.getInput(0);
        String above = inner.op("Greater", "above", x, node.getInput(1));
        String below = inner.op("Greater", "below", node.getInput(2), x);
        return inner.where(inner.op("And", "mask", above, below), gradient, inner.number(0));
    }

    private String masked(NodeProto node, int input, String gradient, Inner inner) {
        String zero = inner.number(0);
        return input == 1
                ? inner.op("Where", "", node.getInput(0), gradient, zero)
                : inner.op("Where", "", node.getInput(0), zero, gradient);
    }

    /** A product of matrices, or of each with its like in two stacks of them. */
    private String product(NodeProto node, int input, String gradient, String name) {
        String other = node.getInput(1 - input);
        // A weight that the forward pass transposes is there as it is stored, too.
        Optional<NodeProto> transposed = graph.node(other)
                .filter(by -> by.getOpType().equals("Transpose"))
                .filter(by -> graph.isWeight(by.getInput(0)));
        if (input == 0 && transposed.isPresent()) {
            return graph.op("MatMul", name, gradient, transposed.get().getInput(0));
        }
        if (graph.hasRuntimeOps()) {
            return input == 0
                    ? graph.runtimeOp("FusedMatMul", List.of(name), List.of(gradient, other), attribute("transB", 1L))
                    : graph.runtimeOp("FusedMatMul", List.of(name), List.of(other, gradient), attribute("transA", 1L));
        }
        String turned = name + "/transposed";
        int axes = graph.axes(other);
        long[] permutation = LongStream.range(0, axes).toArray();
        permutation[axes - 2] = axes - 1L;
        permutation[axes - 1] = axes - 2L;
        graph.transpose(turned, other, permutation);
        return input == 0 ? graph.op("MatMul", name, gradient, turned) : graph.op("MatMul", name, turned, gradient);
    }

    /** A product with the transpose of a weight, which is multiplied with as it is stored. */
    private String transposedProduct(NodeProto node, int input, String gradient, String name) {
        return graph.op("MatMul", name, gradient, onlyFirst(node, input));
    }

    private static long[] inverse(NodeProto transpose) {
        List<Long> permutation = transpose.getAttribute(0).getIntsList();
        long[] inverse = new long[permutation.size()];
        for (int i = 0; i < inverse.length; i++) {
            inverse[Math.toIntExact(permutation.get(i))] = i;
        }
        return inverse;
    }

    private static float number(NodeProto node, String attribute) {
        return node.getAttributeList().stream()
                .filter(one -> one.getName().equals(attribute))
                .map(AttributeProto::getF)
                .findFirst()
                .orElseThrow();
    }

    /** y ∘ (g − Σ y ∘ g), along the last axis. */
    private String softmax(String y, String gradient, Inner inner) {
        String weighted = inner.op("Mul", "weighted", y, gradient);
        String sum = graph.op(
                "ReduceSum",
                inner.name("sum"),
                List.of(weighted, graph.longs("minus_one", -1)),
                attribute("keepdims", 1L));
        return inner.op("Sub", "", weighted, inner.op("Mul", "share", y, sum));
    }

    /** (g − mean(g) − x̂ · mean(x̂ ∘ g)) / σ, where x̂ is what is normalized, without scale and shift. */
    private String layerNorm(NodeProto node, String gradient, Inner inner) {
        String x = node.getInput(0);
        String scale = node.getInput(1);
        String normalized = inner.name("normalized");
        String deviation = inner.name("inverse_deviation");
        String ones = graph.ones(scale);
        graph.node(
                "",
                "LayerNormalization",
                List.of(normalized, inner.name("mean"), deviation),
                List.of(x, ones),
                attribute("axis", -1L),
                attribute("epsilon", number(node, "epsilon")));
        String scaled = ones.equals(scale) ? gradient : inner.op("Mul", "scaled", gradient, scale);
        String level = mean(inner, "level", scaled);
        String along = mean(inner, "along", inner.op("Mul", "product", scaled, normalized));
        String centred = inner.op("Sub", "centred", scaled, level);
        String rest = inner.op("Sub", "rest", centred, inner.op("Mul", "share", normalized, along));
        return inner.op("Mul", "", rest, deviation);
    }

    private String mean(Inner inner, String name, String of) {
        return graph.op(
                "ReduceMean",
                inner.name(name),
                List.of(of),
                attribute("axes", new long[] {-1}),
                attribute("keepdims", 1L));
    }

    /** Nodes on the way to one result. */
    private record Inner(GraphBuilder graph, String result) {

        String name(String part) {
            return part.isEmpty() ? result : result + "/" + part;
        }

        String op(String type, String part, String... inputs) {
            return graph.op(type, name(part), inputs);
        }

        String where(String mask, String yes, String no) {
            return op("Where", "", mask, yes, no);
        }

        String number(double value) {
            return graph.scalar("number_" + (float) value, (float) value);
        }
    }
}
