package io.modscan.onnx.internal.network;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import io.modscan.core.safetensors.DType;
import io.modscan.onnx.internal.graph.GraphBuilder;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * An activation function of neurons, under one of the names that transformers maps ({@code ACT2FN}) and with its
 * constants, as nodes of ONNX's own.
 *
 * @param name the name
 */
public record Activation(String name) {

    private static final List<String> NAMES = List.of(
            "gelu",
            "gelu_10",
            "gelu_accurate",
            "gelu_fast",
            "gelu_new",
            "gelu_python",
            "gelu_python_tanh",
            "gelu_pytorch_tanh",
            "hardswish",
            "laplace",
            "leaky_relu",
            "linear",
            "mish",
            "prelu",
            "quick_gelu",
            "relu",
            "relu2",
            "relu6",
            "sigmoid",
            "silu",
            "sqrtsoftplus",
            "swish",
            "tanh",
            "xielu");

    public Activation {
        if (!NAMES.contains(name)) {
            throw new IllegalArgumentException("'" + name + "'; known are " + NAMES);
        }
    }

    /**
     * Where the nodes of one layer's function go.
     *
     * @param graph   the graph
     * @param name    the name of the result, which those of the inner nodes begin with
     * @param learned yields a learned parameter in float32, by its name
     */
    public record Nodes(GraphBuilder graph, String name, UnaryOperator<String> learned) {

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
            return graph.cast(name + "_" + inner, graph.cast(name + "_" + inner + "_bf16", x, DType.BF16), DType.F32);
        }
    }

    /** The parameters that each layer has learned, with their shapes. */
    public Map<String, List<Long>> parameters() {
        return switch (name) {
            case "prelu" -> Map.of("weight", List.of(1L));
            case "xielu" -> Map.of("alpha_p", List.of(1L), "alpha_n", List.of(1L), "beta", List.of(), "eps", List.of());
            default -> Map.of();
        };
    }

    /** Adds the nodes that compute the function of a tensor; the result bears the name that the nodes were given. */
    public String build(Nodes on, String x) {
        return switch (name) {
            case "relu" -> on.op("Relu", "", x);
            case "relu2" -> {
                String relu = on.op("Relu", "relu", x);
                yield on.op("Mul", "", relu, relu);
            }
            case "relu6" -> on.clipped("", x, 0f, 6f);
            case "leaky_relu" -> on.graph().op("LeakyRelu", on.name(), List.of(x), attribute("alpha", 0.01f));
            case "prelu" -> on.op("PRelu", "", x, on.learned("weight"));
            case "gelu", "gelu_python" -> gelu(on, x);
            case "gelu_10" -> on.clipped("", gelu(on.inner("gelu"), x), -10f, 10f);
            case "gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh" -> geluTanh(on, x);
            case "quick_gelu" ->
                on.op("Mul", "", x, on.op("Sigmoid", "sigmoid", on.op("Mul", "scaled", x, on.number(1.702))));
            case "silu", "swish" -> on.op("Mul", "", x, on.op("Sigmoid", "sigmoid", x));
            case "hardswish" -> on.op("HardSwish", "", x);
            case "mish" -> on.op("Mul", "", x, on.op("Tanh", "tanh", on.op("Softplus", "softplus", x)));
            case "sqrtsoftplus" -> on.op("Sqrt", "", on.op("Softplus", "softplus", x));
            case "sigmoid" -> on.op("Sigmoid", "", x);
            case "tanh" -> on.op("Tanh", "", x);
            case "laplace" -> laplace(on, x);
            case "linear" -> on.op("Identity", "", x);
            case "xielu" -> xielu(on, x);
            default -> throw new IllegalStateException("no formula for " + name);
        };
    }

    /** The exact one: x · (1 + erf(x / √2)) / 2. */
    private static String gelu(Nodes on, String x) {
        String erf = on.op("Erf", "erf", on.op("Div", "over_sqrt2", x, on.number(Math.sqrt(2))));
        String half = on.op("Mul", "half", x, on.number(0.5));
        return on.op("Mul", "", half, on.op("Add", "erf_plus_one", erf, on.number(1)));
    }

    /** The approximation x · (1 + tanh(√(2 / π) · (x + 0.044715 · x³))) / 2, which goes by many names. */
    private static String geluTanh(Nodes on, String x) {
        String cube = on.op("Mul", "cube", on.op("Mul", "square", x, x), x);
        String sum = on.op("Add", "with_cube", x, on.op("Mul", "cube_scaled", cube, on.number(0.044715)));
        String tanh = on.op("Tanh", "tanh", on.op("Mul", "argument", sum, on.number(Math.sqrt(2 / Math.PI))));
        String half = on.op("Mul", "half", x, on.number(0.5));
        return on.op("Mul", "", half, on.op("Add", "tanh_plus_one", tanh, on.number(1)));
    }

    /** The normal distribution function with μ = √½ and σ = √(1 / 4π), as transformers rounds them. */
    private static String laplace(Nodes on, String x) {
        String centred = on.op("Sub", "centred", x, on.number(0.707107));
        String erf = on.op("Erf", "erf", on.op("Div", "scaled", centred, on.number(0.282095 * Math.sqrt(2))));
        return on.op("Mul", "", on.op("Add", "erf_plus_one", erf, on.number(1)), on.number(0.5));
    }

    /** arXiv 2411.13010. transformers keeps the parameters in bfloat16 whatever type the model has, and rounds what it makes of them. */
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
