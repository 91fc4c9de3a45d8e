package io.modscan.onnx;

import static io.modscan.onnx.GraphBuilder.attribute;

import io.modscan.core.safetensors.DType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The activation functions of neurons, under the names that transformers maps ({@code ACT2FN}) and with its constants, as
 * nodes of ONNX's own.
 */
final class Activation {

    /** Builds the function of one layer's neurons. */
    private interface Formula {
        String build(Nodes on, String x);
    }

    /**
     * Where the nodes of one layer's function go.
     *
     * @param graph   the graph
     * @param name    the name of the result, which those of the inner nodes begin with
     * @param learned yields a learned parameter in float32, by its name
     */
    record Nodes(GraphBuilder graph, String name, UnaryOperator<String> learned) {

        /** A node; one without a name of its own is the result. */
        private String op(String type, String inner, String... inputs) {
            return graph.op(type, inner.isEmpty() ? name : name + "_" + inner, List.of(inputs));
        }

        private Nodes inner(String inner) {
            return new Nodes(graph, name + "_" + inner, learned);
        }

        private String number(double value) {
            return graph.scalar("number_" + (float) value, (float) value);
        }

        private String clipped(String inner, String x, float least, float most) {
            return op("Clip", inner, x, number(least), number(most));
        }

        private String learned(String parameter) {
            return learned.apply(parameter);
        }

        /** Rounded to bfloat16. */
        private String rounded(String inner, String x) {
            String half = graph.op("Cast", name + "_" + inner + "_bf16", List.of(x), GraphBuilder.to(DType.BF16));
            return graph.op("Cast", name + "_" + inner, List.of(half), GraphBuilder.to(DType.F32));
        }
    }

    private static final List<Activation> ALL = List.of(
            of(List.of("relu"), (on, x) -> on.op("Relu", "", x)),

            // The exact one: x · (1 + erf(x / √2)) / 2.
            of(List.of("gelu", "gelu_python"), Activation::gelu),
            of(List.of("gelu_10"), (on, x) -> on.clipped("", gelu(on.inner("gelu"), x), -10f, 10f)),

            // The approximation x · (1 + tanh(√(2 / π) · (x + 0.044715 · x³))) / 2, under each of its names.
            of(
                    List.of("gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh"),
                    Activation::geluTanh),
            of(
                    List.of("quick_gelu"),
                    (on, x) -> on.op(
                            "Mul", "", x, on.op("Sigmoid", "sigmoid", on.op("Mul", "scaled", x, on.number(1.702))))),
            of(List.of("silu", "swish"), (on, x) -> on.op("Mul", "", x, on.op("Sigmoid", "sigmoid", x))),
            of(
                    List.of("mish"),
                    (on, x) -> on.op("Mul", "", x, on.op("Tanh", "tanh", on.op("Softplus", "softplus", x)))),
            of(List.of("hardswish"), (on, x) -> on.op("HardSwish", "", x)),
            of(
                    List.of("leaky_relu"),
                    (on, x) -> on.graph().op("LeakyRelu", on.name(), List.of(x), attribute("alpha", 0.01f))),
            of(List.of("relu2"), (on, x) -> {
                String relu = on.op("Relu", "relu", x);
                return on.op("Mul", "", relu, relu);
            }),
            of(List.of("relu6"), (on, x) -> on.clipped("", x, 0f, 6f)),
            of(List.of("sigmoid"), (on, x) -> on.op("Sigmoid", "", x)),
            of(List.of("tanh"), (on, x) -> on.op("Tanh", "", x)),
            of(List.of("sqrtsoftplus"), (on, x) -> on.op("Sqrt", "", on.op("Softplus", "softplus", x))),

            // The normal distribution function with μ = √½ and σ = √(1 / 4π), as transformers rounds them.
            of(List.of("laplace"), (on, x) -> {
                String centred = on.op("Sub", "centred", x, on.number(0.707107));
                String erf = on.op("Erf", "erf", on.op("Div", "scaled", centred, on.number(0.282095 * Math.sqrt(2))));
                return on.op("Mul", "", on.op("Add", "erf_plus_one", erf, on.number(1)), on.number(0.5));
            }),
            of(List.of("linear"), (on, x) -> on.op("Identity", "", x)),

            // With a slope that was learned, one a layer.
            of(List.of("prelu"), Map.of("weight", List.of(1L)), (on, x) -> on.op("PRelu", "", x, on.learned("weight"))),

            // arXiv 2411.13010.
            of(
                    List.of("xielu"),
                    Map.of("alpha_p", List.of(1L), "alpha_n", List.of(1L), "beta", List.of(), "eps", List.of()),
                    Activation::xielu));

    private final List<String> names;
    private final Map<String, List<Long>> parameters;
    private final Formula formula;

    private Activation(List<String> names, Map<String, List<Long>> parameters, Formula formula) {
        this.names = names;
        this.parameters = parameters;
        this.formula = formula;
    }

    private static Activation of(List<String> names, Formula formula) {
        return new Activation(names, Map.of(), formula);
    }

    private static Activation of(List<String> names, Map<String, List<Long>> parameters, Formula formula) {
        return new Activation(names, parameters, formula);
    }

    static Optional<Activation> named(String name) {
        return ALL.stream()
                .filter(activation -> activation.names.contains(name))
                .findFirst();
    }

    /** All names, sorted. */
    static List<String> allNames() {
        return ALL.stream()
                .flatMap(activation -> activation.names.stream())
                .sorted()
                .toList();
    }

    /** The parameters that each layer has learned, with their shapes. */
    Map<String, List<Long>> parameters() {
        return parameters;
    }

    /** Adds the nodes that compute the function of a tensor; the result bears the name that the nodes were given. */
    String build(Nodes on, String x) {
        return formula.build(on, x);
    }

    private static String gelu(Nodes on, String x) {
        String erf = on.op("Erf", "erf", on.op("Div", "over_sqrt2", x, on.number(Math.sqrt(2))));
        String half = on.op("Mul", "half", x, on.number(0.5));
        return on.op("Mul", "", half, on.op("Add", "erf_plus_one", erf, on.number(1)));
    }

    private static String geluTanh(Nodes on, String x) {
        String cube = on.op("Mul", "cube", on.op("Mul", "square", x, x), x);
        String sum = on.op("Add", "with_cube", x, on.op("Mul", "cube_scaled", cube, on.number(0.044715)));
        String tanh = on.op("Tanh", "tanh", on.op("Mul", "argument", sum, on.number(Math.sqrt(2 / Math.PI))));
        String half = on.op("Mul", "half", x, on.number(0.5));
        return on.op("Mul", "", half, on.op("Add", "tanh_plus_one", tanh, on.number(1)));
    }

    /** transformers keeps the parameters in bfloat16 whatever type the model has, and rounds what it makes of them. */
    private static String xielu(Nodes on, String x) {
        String beta = on.rounded("beta", on.learned("beta"));
        String eps = on.rounded("eps", on.learned("eps"));
        String positive = softplus(on, "alpha_p");
        String negative = on.rounded("alpha_n_sum", on.op("Add", "alpha_n_exact", softplus(on, "alpha_n"), beta));
        String linear = on.op("Mul", "linear", x, beta);
        String square = on.op("Mul", "square_scaled", on.op("Mul", "square", x, x), positive);
        String exp = on.op("Exp", "exp", on.op("Min", "at_most_eps", x, eps));
        String curve = on.op("Sub", "curve", on.op("Sub", "expm1", exp, on.number(1)), x);
        return on.op(
                "Where",
                "",
                on.op("Greater", "is_positive", x, on.number(0)),
                on.op("Add", "if_positive", square, linear),
                on.op("Add", "if_negative", on.op("Mul", "curve_scaled", curve, negative), linear));
    }

    private static String softplus(Nodes on, String parameter) {
        String rounded = on.rounded(parameter + "_rounded", on.learned(parameter));
        return on.rounded(parameter, on.op("Softplus", parameter + "_softplus", rounded));
    }
}
