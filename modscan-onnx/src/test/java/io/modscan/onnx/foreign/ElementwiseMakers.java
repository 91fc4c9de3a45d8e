package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.GraphMakers.last;
import static io.modscan.onnx.foreign.GraphMakers.pair;
import static io.modscan.onnx.foreign.RandomGraph.string;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Nodes of operators that work element by element. */
final class ElementwiseMakers {

    private ElementwiseMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        for (String name : "Abs Identity LeakyRelu Neg Relu Clip Dropout".split(" ", -1)) {
            makers.put(name, graph -> graph.op(name, ""));
        }
        for (String name :
                ("Acos Acosh Asin Asinh Atan Atanh Celu Cos Cosh Elu Erf Exp HardSigmoid HardSwish Log Mish Reciprocal Selu"
                                + " Sigmoid Sin Sinh Softplus Softsign Sqrt Tan Tanh Gelu")
                        .split(" ", -1)) {
            makers.put(name, graph -> {
                graph.op(name, "");
                graph.inexact();
                if ("Acos Acosh Asin Atanh Cosh Exp Log Reciprocal Sinh Sqrt Tan".contains(name)) {
                    graph.notFinite();
                }
            });
        }
        for (String name : "Ceil Floor Round Sign Shrink ThresholdedRelu".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.needsExact();
                graph.op(name, "");
            });
        }
        makers.put("IsNaN", graph -> graph.op("IsNaN", ""));
        makers.put("IsInf", graph -> graph.op("IsInf", ""));
        makers.put("Not", graph -> {
            graph.needsExact();
            String zero = graph.number(0, 1);
            graph.op("Not", graph.aside("Greater", "$ " + zero));
        });
        for (String name : "Add Sub Mul Max Min Mean Sum".split(" ", -1)) {
            makers.put(name, graph -> graph.op(name, pair(graph)));
        }
        for (String name : "Div Pow PRelu".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.op(name, name.equals("PRelu") ? "$ " + graph.floats(last(graph)) : pair(graph));
                graph.inexact();
                graph.notFinite();
            });
        }
        makers.put("Mod", graph -> {
            graph.needsExact();
            graph.op("Mod", "$ " + graph.positives(1), attribute("fmod", 1L));
        });
        for (String name : "Equal Greater GreaterOrEqual Less LessOrEqual".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.needsExact();
                graph.op(name, pair(graph));
            });
        }
        for (String name : "And Or Xor".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.needsExact();
                String zero = graph.number(0, 1);
                String one = graph.aside("Greater", "$ " + zero);
                String other = graph.aside("Less", pair(graph));
                graph.op(name, one + " " + other);
            });
        }
        makers.put("Where", graph -> {
            graph.needsExact();
            String zero = graph.number(0, 1);
            String one = graph.aside("Greater", "$ " + zero);
            graph.op("Where", one + " " + pair(graph));
        });
        makers.put("Cast", graph -> {
            graph.needsExact();
            graph.op("Cast", "", attribute("to", List.of(7L, 6L, 9L, 11L, 1L).get(graph.random.nextInt(5))));
        });
        for (String name : "BitwiseAnd BitwiseOr BitwiseXor BitShift".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.needsExact();
                String whole = graph.aside("Cast", "$", attribute("to", 12L));
                graph.op(
                        name,
                        whole + " " + whole,
                        name.equals("BitShift")
                                ? new AttributeProto[] {string("direction", "RIGHT")}
                                : new AttributeProto[0]);
            });
        }
        makers.put("BitwiseNot", graph -> {
            graph.needsExact();
            graph.op("BitwiseNot", graph.aside("Cast", "$", attribute("to", 6L)));
        });
        makers.put("CastLike", graph -> {
            graph.needsExact();
            graph.op("CastLike", "$ " + graph.scalar(1));
        });
        makers.put("QuantizeLinear", graph -> {
            graph.needsExact();
            graph.op("QuantizeLinear", "$ " + graph.number(0.25f) + " " + graph.bytes(DataType.UINT8, 3));
        });
        makers.put("DequantizeLinear", graph -> {
            graph.needsExact();
            String scale = graph.number(0.5f);
            String zero = graph.bytes(DataType.UINT8, 100);
            graph.op(
                    "DequantizeLinear",
                    graph.aside("QuantizeLinear", "$ " + scale + " " + zero) + " " + scale + " " + zero);
        });
        makers.put("DynamicQuantizeLinear", graph -> {
            graph.needsExact();
            graph.ops("DynamicQuantizeLinear", "$", 3, graph.random.nextInt(3));
        });
    }
}
