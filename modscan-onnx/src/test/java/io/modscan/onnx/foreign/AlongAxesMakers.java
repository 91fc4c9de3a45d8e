package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.GraphMakers.axis;
import static io.modscan.onnx.foreign.GraphMakers.last;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;

/** Nodes of operators that work along axes: reductions, norms, shares, sums so far. */
final class AlongAxesMakers {

    private AlongAxesMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        for (String name : "Softmax LogSoftmax Hardmax LpNormalization".split(" ", -1)) {
            makers.put(name, graph -> {
                if (name.equals("Hardmax")) {
                    graph.needsExact();
                }
                graph.op(
                        name,
                        graph.text && graph.isFinite() && graph.coin() ? graph.aside("Add", "$ added") : "$",
                        axis(graph.axis()));
                graph.inexact();
            });
        }
        makers.put("attention", graph -> {
            if (!graph.isFinite()) {
                throw new IllegalArgumentException("what is added must lower it");
            }
            String keys = graph.aside("Transpose", "hidden", attribute("perm", new long[] {0, 2, 1}));
            String scores = graph.aside("MatMul", "$ " + keys);
            String masked = switch (graph.random.nextInt(4)) {
                case 0 -> scores;
                case 1 -> graph.aside("Mul", scores + " line");
                case 2 ->
                    graph.aside("Where", graph.aside("Cast", "line", attribute("to", 9L)) + " " + scores + " lowest");
                default -> graph.aside("Add", scores + " added");
            };
            graph.op("MatMul", graph.aside("Softmax", masked, axis(graph.random.nextInt(3))) + " hidden");
            graph.inexact();
        });
        for (String name : "ArgMax ArgMin".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.needsExact();
                graph.op(name, "$", axis(graph.axis()), attribute("keepdims", graph.coin() ? 1L : 0L));
            });
        }
        for (String name : "Max Min Mean Prod LogSum LogSumExp Sum L1 L2 SumSquare".split(" ", -1)) {
            makers.put("Reduce" + name, graph -> {
                graph.inexact();
                graph.notFinite();
                String values = graph.text && graph.rank() == 3 && graph.coin() ? graph.aside("Mul", "$ column") : "$";
                AttributeProto keep = attribute("keepdims", graph.coin() ? 1L : 0L);
                boolean asInput = graph.opset >= 18 || (name.equals("Sum") && graph.opset >= 13);
                if (graph.random.nextInt(8) == 0) {
                    graph.op("Reduce" + name, values, keep);
                } else if (asInput) {
                    graph.op("Reduce" + name, values + " " + graph.list(graph.axis()), keep);
                } else {
                    graph.op("Reduce" + name, values, attribute("axes", new long[] {graph.axis()}), keep);
                }
            });
        }
        makers.put(
                "CumSum",
                graph -> graph.op(
                        "CumSum",
                        "$ " + graph.scalar(graph.axis()),
                        attribute("reverse", graph.coin() ? 1L : 0L),
                        attribute("exclusive", graph.coin() ? 1L : 0L)));
        makers.put("LayerNormalization", graph -> {
            long axis = graph.axis();
            long[] behind = Arrays.copyOfRange(graph.shape(), graph.positive(axis), graph.rank());
            graph.ops("LayerNormalization", "$ " + graph.positives(behind), 3, graph.random.nextInt(3), axis(axis));
            graph.inexact();
        });
        makers.put("SimplifiedLayerNormalization", graph -> {
            graph.op("SimplifiedLayerNormalization", "$ " + graph.positives(last(graph)), axis(-1));
            graph.inexact();
        });
        makers.put("InstanceNormalization", graph -> {
            graph.turned();
            graph.op(
                    "InstanceNormalization", "$ " + graph.positives(graph.size(1)) + " " + graph.floats(graph.size(1)));
            graph.inexact();
        });
        makers.put("GroupNormalization", graph -> {
            graph.turned();
            long scales = graph.opset >= 21 ? graph.size(1) : 1;
            graph.op(
                    "GroupNormalization",
                    "$ " + graph.positives(scales) + " " + graph.floats(scales),
                    attribute("num_groups", 1L));
            graph.inexact();
        });
        makers.put("LRN", graph -> {
            graph.turned();
            graph.ofRank(4);
            graph.op("LRN", "", attribute("size", 3L));
            graph.inexact();
        });
        makers.put("MeanVarianceNormalization", graph -> {
            graph.turned();
            graph.op("MeanVarianceNormalization", "", attribute("axes", new long[] {graph.positive(graph.axis())}));
            graph.inexact();
        });
        makers.put("BatchNormalization", graph -> {
            graph.turned();
            long width = graph.size(1);
            String of = "$ " + graph.positives(width) + " " + graph.floats(width) + " " + graph.floats(width) + " "
                    + graph.positives(width);
            if (graph.opset >= 14 && graph.coin()) {
                graph.ops("BatchNormalization", of, 3, 0, attribute("training_mode", 1L));
            } else {
                graph.op("BatchNormalization", of);
            }
            graph.inexact();
        });
        makers.put("ReverseSequence", graph -> {
            boolean first = graph.coin();
            String count = graph.aside("Gather", graph.aside("Shape", "$") + " " + graph.list(first ? 0 : 1));
            String lengths = graph.aside("Expand", graph.list(2) + " " + count);
            graph.op(
                    "ReverseSequence",
                    "$ " + lengths,
                    attribute("batch_axis", first ? 0L : 1L),
                    attribute("time_axis", first ? 1L : 0L));
        });
    }
}
