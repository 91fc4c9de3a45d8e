package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.GraphMakers.last;
import static io.modscan.onnx.foreign.RandomGraph.string;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Map;
import java.util.function.Consumer;

/** Nodes of operators of ONNX Runtime's own and of classical models. */
final class ContribMakers {

    private ContribMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        for (String name : "Gelu FastGelu QuickGelu".split(" ", -1)) {
            makers.put("com.microsoft." + name, graph -> {
                graph.op("com.microsoft." + name, "$");
                graph.inexact();
            });
        }
        makers.put("com.microsoft.BiasGelu", graph -> {
            graph.op("com.microsoft.BiasGelu", "$ " + graph.floats(last(graph)));
            graph.inexact();
        });
        makers.put("com.microsoft.SkipLayerNormalization", graph -> {
            graph.ops(
                    "com.microsoft.SkipLayerNormalization",
                    "$ " + graph.aside("Neg", "$") + " " + graph.positives(last(graph)),
                    4,
                    graph.coin() ? 0 : 3);
            graph.inexact();
        });
        makers.put(
                "com.microsoft.FusedMatMul",
                graph -> graph.op(
                        "com.microsoft.FusedMatMul",
                        graph.coin() ? "$ $" : "$ " + graph.floats(last(graph), 2),
                        attribute("transA", graph.coin() ? 1L : 0L),
                        attribute("transB", graph.coin() ? 1L : 0L)));
        makers.put("com.microsoft.DynamicQuantizeMatMul", graph -> {
            graph.needsExact();
            graph.op(
                    "com.microsoft.DynamicQuantizeMatMul",
                    "$ " + graph.byteTensor(DataType.INT8, last(graph), 2) + " " + graph.number(0.25f, 1));
        });
        makers.put("com.microsoft.Attention", graph -> {
            graph.op(
                    "com.microsoft.Attention",
                    "$ " + graph.floats(last(graph), 12) + " " + graph.floats(12)
                            + (graph.coin() ? maskOfWholeNumbers(graph) : ""),
                    attribute("num_heads", 2L),
                    attribute("unidirectional", graph.coin() ? 1L : 0L));
            graph.inexact();
        });
        makers.put("com.microsoft.MultiHeadAttention", graph -> {
            graph.op(
                    "com.microsoft.MultiHeadAttention",
                    "$ $ " + graph.aside("Neg", "$")
                            + (graph.coin() && graph.text ? " _" + maskOfWholeNumbers(graph) : ""),
                    attribute("num_heads", 2L),
                    attribute("unidirectional", graph.coin() ? 1L : 0L));
            graph.inexact();
        });
        makers.put("com.microsoft.GroupQueryAttention", graph -> {
            String lengths = graph.text
                    ? graph.aside(
                            "Cast",
                            graph.aside(
                                    "Sub",
                                    graph.aside(
                                                    "ReduceSum",
                                                    "attention_mask " + graph.list(1),
                                                    attribute("keepdims", 0L))
                                            + " " + graph.scalar(1)),
                            attribute("to", 6L))
                    : graph.list(5);
            String total = graph.aside(
                    "Cast",
                    graph.aside("Gather", graph.aside("Shape", "$") + " " + graph.scalar(1)),
                    attribute("to", 6L));
            graph.op("MatMul", "$ " + graph.floats(last(graph), 16));
            graph.ops(
                    "com.microsoft.GroupQueryAttention",
                    "$ $ " + graph.aside("Neg", "$") + " _ _ " + lengths + " " + total,
                    3,
                    0,
                    attribute("num_heads", 2L),
                    attribute("kv_num_heads", 2L));
            graph.inexact();
        });
        makers.put("ai.onnx.ml.Normalizer", graph -> {
            if (graph.rank() == 0) {
                throw new IllegalArgumentException("a number alone ends ONNX Runtime's process");
            }
            graph.op("ai.onnx.ml.Normalizer", "$", string("norm", "L2"));
            graph.inexact();
        });
        makers.put(
                "ai.onnx.ml.Scaler",
                graph -> graph.op("ai.onnx.ml.Scaler", "$", reals("offset", 1), reals("scale", 2)));
        makers.put("ai.onnx.ml.Binarizer", graph -> {
            graph.needsExact();
            graph.op("ai.onnx.ml.Binarizer", "$", attribute("threshold", 0.5f));
        });
        makers.put(
                "ai.onnx.ml.LinearRegressor",
                graph -> graph.op(
                        "ai.onnx.ml.LinearRegressor",
                        "$",
                        reals("coefficients", 1, 2, 3, 4),
                        reals("intercepts", 1),
                        attribute("targets", 1L)));
    }

    private static String maskOfWholeNumbers(RandomGraph graph) {
        return graph.text ? " " + graph.aside("Cast", "attention_mask", attribute("to", 6L)) : "";
    }

    private static AttributeProto reals(String name, float... values) {
        AttributeProto.Builder attribute =
                AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.FLOATS);
        for (float value : values) {
            attribute.addFloats(value);
        }
        return attribute.build();
    }
}
