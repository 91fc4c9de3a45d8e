package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.GraphMakers.last;
import static io.modscan.onnx.foreign.RandomGraph.string;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Nodes of operators that multiply matrices, recurrences among them. */
final class ProductMakers {

    private ProductMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        makers.put(
                "MatMul",
                graph -> graph.op(
                        "MatMul",
                        switch (graph.random.nextInt(5)) {
                            case 0 -> "$ " + graph.aside("Transpose", "$");
                            case 1 -> graph.aside("Transpose", "$") + " $";
                            case 2 -> graph.floats(3, graph.size(-2)) + " $";
                            case 3 -> "$ " + graph.floats(last(graph));
                            default -> "$ " + graph.floats(last(graph), 3);
                        }));
        makers.put("Gemm", graph -> {
            graph.turned();
            boolean turned = graph.coin();
            switch (graph.random.nextInt(3)) {
                case 0 -> graph.op("Gemm", "$ $", attribute(turned ? "transA" : "transB", 1L));
                case 1 ->
                    graph.op(
                            "Gemm",
                            "$ " + graph.floats(graph.size(turned ? 0 : 1), 3) + " " + graph.floats(3),
                            attribute("transA", turned ? 1L : 0L));
                default -> graph.op("Gemm", graph.floats(2, graph.size(0)) + " $ " + graph.floats(2, 1));
            }
        });
        makers.put("Einsum", graph -> {
            if (graph.rank() == 3) {
                graph.op(
                        "Einsum",
                        "$ $",
                        string(
                                "equation",
                                List.of(
                                                "abc,abc->ab",
                                                "abc,abd->acd",
                                                "abc,adc->abd",
                                                "abc,dbc->ad",
                                                "abc,abc->cba",
                                                "abc,abc->ac")
                                        .get(graph.random.nextInt(6))));
            } else {
                graph.op(
                        "Einsum",
                        "$ $",
                        string(
                                "equation",
                                List.of("ab,ab->a", "ab,cb->ac", "ab,ac->bc", "ab,ab->ba")
                                        .get(graph.random.nextInt(4))));
            }
        });
        makers.put("MatMulInteger", graph -> {
            graph.needsExact();
            String whole = graph.aside(
                    "Cast",
                    graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(9)),
                    attribute("to", 2L));
            graph.op("MatMulInteger", whole + " " + graph.byteTensor(DataType.INT8, last(graph), 3));
        });
        makers.put("QLinearMatMul", graph -> {
            graph.needsExact();
            String scale = graph.number(0.5f);
            String zero = graph.bytes(DataType.UINT8, 100);
            String whole = graph.aside("QuantizeLinear", "$ " + scale + " " + zero);
            graph.op(
                    "QLinearMatMul",
                    whole + " " + scale + " " + zero + " " + graph.byteTensor(DataType.UINT8, last(graph), 3) + " "
                            + scale + " " + zero + " " + scale + " " + zero);
        });
        makers.put("Det", graph -> {
            graph.op("Det", graph.aside("MatMul", "$ " + graph.aside("Transpose", "$")));
            graph.inexact();
        });
        for (String name : "LSTM GRU RNN".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.turned();
                graph.ofRank(3);
                int gates = name.equals("LSTM") ? 4 : name.equals("GRU") ? 3 : 1;
                int kind = graph.random.nextInt(3);
                long directions = kind == 2 ? 2 : 1;
                long width = graph.size(2);
                graph.ops(
                        name,
                        "$ " + graph.floats(directions, 2L * gates, width) + " "
                                + graph.floats(directions, 2L * gates, 2),
                        name.equals("LSTM") ? 3 : 2,
                        graph.random.nextInt(2),
                        attribute("hidden_size", 2L),
                        string(
                                "direction",
                                List.of("forward", "reverse", "bidirectional").get(kind)));
                graph.inexact();
            });
        }
    }
}
