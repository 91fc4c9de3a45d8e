package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.GraphMakers.axis;
import static io.modscan.onnx.foreign.GraphMakers.none;
import static io.modscan.onnx.foreign.RandomGraph.string;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Nodes of operators over windows, and of images and signals. */
final class WindowMakers {

    private WindowMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        makers.put("Conv", graph -> {
            graph.turned();
            graph.ofRank(3 + graph.random.nextInt(2));
            long[] kernel = kernel(graph);
            long[] weight = new long[2 + kernel.length];
            weight[0] = 3;
            weight[1] = graph.size(1);
            System.arraycopy(kernel, 0, weight, 2, kernel.length);
            graph.op(
                    "Conv",
                    "$ " + graph.floats(weight),
                    attribute("kernel_shape", kernel),
                    string("auto_pad", graph.coin() ? "SAME_UPPER" : "VALID"));
            graph.inexact();
        });
        makers.put("ConvTranspose", graph -> {
            graph.turned();
            graph.ofRank(3);
            long width = 1L + graph.random.nextInt(2);
            graph.op(
                    "ConvTranspose",
                    "$ " + graph.floats(graph.size(1), 2, width),
                    attribute("kernel_shape", new long[] {width}));
            graph.inexact();
        });
        makers.put("ConvInteger", graph -> {
            graph.needsExact();
            graph.turned();
            graph.ofRank(4);
            String whole = graph.aside(
                    "Cast",
                    graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(9)),
                    attribute("to", 2L));
            graph.op("ConvInteger", whole + " " + graph.byteTensor(DataType.UINT8, 2, graph.size(1), 1, 1));
        });
        makers.put("QLinearConv", graph -> {
            graph.needsExact();
            graph.turned();
            graph.ofRank(4);
            String scale = graph.number(0.5f);
            String zero = graph.bytes(DataType.UINT8, 100);
            String whole = graph.aside("QuantizeLinear", "$ " + scale + " " + zero);
            graph.op(
                    "QLinearConv",
                    whole + " " + scale + " " + zero + " " + graph.byteTensor(DataType.UINT8, 2, graph.size(1), 1, 1)
                            + " " + scale + " " + zero + " " + scale + " " + zero);
        });
        for (String name : "MaxPool AveragePool LpPool".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.turned();
                graph.ofRank(3 + graph.random.nextInt(2));
                long[] kernel = kernel(graph);
                if (name.equals("MaxPool")) {
                    graph.ops(name, "$", 2, graph.random.nextInt(2), attribute("kernel_shape", kernel));
                } else {
                    graph.op(
                            name,
                            "$",
                            attribute("kernel_shape", kernel),
                            string("auto_pad", graph.coin() ? "SAME_LOWER" : "VALID"));
                }
                graph.inexact();
            });
        }
        for (String name : "GlobalAveragePool GlobalMaxPool GlobalLpPool".split(" ", -1)) {
            makers.put(name, graph -> {
                graph.turned();
                graph.ofRank(3 + graph.random.nextInt(2));
                graph.op(name, "");
                graph.inexact();
            });
        }
        makers.put("Resize", graph -> {
            graph.turned();
            graph.ofRank(4);
            float[] scales = {1, 1, 1, 2};
            String name = graph.aside(
                    "Concat",
                    graph.number(graph.random.nextInt(4) == 0 ? 2 : 1, 1) + " " + graph.number(1, 2) + " "
                            + graph.number(scales[graph.random.nextInt(4)], 1),
                    axis(0));
            graph.op("Resize", "$ _ " + name, string("mode", graph.coin() ? "nearest" : "linear"));
            graph.inexact();
        });
        makers.put("GridSample", graph -> {
            graph.turned();
            graph.ofRank(4);
            String count = graph.aside("Gather", graph.aside("Shape", "$") + " " + graph.list(0));
            String grid = graph.aside(
                    "Expand",
                    graph.floats(1, 2, 2, 2) + " " + graph.aside("Concat", count + " " + graph.list(2, 2, 2), axis(0)));
            graph.op("GridSample", "$ " + grid);
            graph.inexact();
        });
        makers.put("MaxUnpool", graph -> {
            graph.turned();
            graph.ofRank(4);
            graph.ops("MaxPool", "$", 2, 0, attribute("kernel_shape", new long[] {1, 1}));
            String pooled = graph.current();
            String indices = "t" + (Integer.parseInt(pooled.substring(1)) + 1);
            graph.op("MaxUnpool", "$ " + indices, attribute("kernel_shape", new long[] {1, 1}));
        });
        makers.put("DFT", graph -> {
            graph.unsqueeze(graph.rank());
            graph.op(
                    "DFT",
                    graph.opset >= 20 ? "$ _ " + graph.scalar(1) : "$",
                    graph.opset >= 20 ? none() : new AttributeProto[] {axis(1)});
            graph.inexact();
        });
    }

    private static long[] kernel(RandomGraph graph) {
        return IntStream.range(2, graph.rank())
                .mapToLong(at -> graph.size(at) > 1 ? 1 + graph.random.nextInt(2) : 1)
                .toArray();
    }
}
