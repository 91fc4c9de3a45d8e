package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.GraphMakers.axis;
import static io.modscan.onnx.foreign.GraphMakers.last;
import static io.modscan.onnx.foreign.GraphMakers.none;
import static io.modscan.onnx.foreign.RandomGraph.string;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Nodes of operators that move, cut, join and fill. */
final class MovingMakers {

    private MovingMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        makers.put("Transpose", graph -> {
            List<Long> order = new ArrayList<>(
                    IntStream.range(0, graph.rank()).mapToObj(Long::valueOf).toList());
            Collections.shuffle(order, graph.random);
            graph.op(
                    "Transpose",
                    "",
                    attribute("perm", order.stream().mapToLong(Long::longValue).toArray()));
        });
        makers.put("Reshape", graph -> {
            long[] to = switch (graph.random.nextInt(6)) {
                case 0 -> new long[] {-1};
                case 1 -> new long[] {-1, last(graph)};
                case 2 -> new long[] {0, -1};
                case 3 -> new long[] {0, 0, 2, -1};
                case 4 -> new long[] {last(graph), -1};
                default -> new long[] {1, -1, 2};
            };
            graph.op("Reshape", "$ " + graph.list(to));
        });
        makers.put("Reshape by lengths", graph -> {
            // The lengths in some order.
            List<Integer> order =
                    new ArrayList<>(IntStream.range(0, graph.rank()).boxed().toList());
            Collections.shuffle(order, graph.random);
            String shape = graph.aside("Shape", "$");
            String to = graph.aside(
                    "Gather",
                    shape + " "
                            + graph.list(
                                    order.stream().mapToLong(Integer::longValue).toArray()));
            graph.op("Reshape", "$ " + to);
        });
        makers.put("Flatten", graph -> graph.op("Flatten", "", axis(graph.random.nextInt(graph.rank() + 1))));
        makers.put("Unsqueeze", graph -> graph.unsqueeze(graph.random.nextInt(graph.rank() + 1)));
        makers.put("Squeeze", graph -> {
            long at = graph.random.nextInt(graph.rank() + 1);
            graph.unsqueeze(at);
            if (graph.opset < 13) {
                graph.op("Squeeze", "", attribute("axes", new long[] {at}));
            } else {
                graph.op("Squeeze", "$ " + graph.list(at));
            }
        });
        makers.put("Expand", graph -> {
            if (graph.coin()) {
                graph.op("Expand", "$ " + graph.list(2, 1, 1, 1));
            } else {
                graph.op("Expand", graph.floats(1) + " " + graph.aside("Shape", "$"));
            }
        });
        makers.put(
                "Tile",
                graph -> graph.op(
                        "Tile",
                        "$ "
                                + graph.list(IntStream.range(0, graph.rank())
                                        .mapToLong(any -> 1 + graph.random.nextInt(2))
                                        .toArray())));
        makers.put("Slice", graph -> {
            long axis = graph.axis();
            long[] range = List.of(
                            new long[] {0, 1, 1},
                            new long[] {0, 9999, 1},
                            new long[] {1, 9999, 1},
                            new long[] {-1, -9999, -1},
                            new long[] {0, 9999, 2},
                            new long[] {-1, 9999, 1},
                            new long[] {0, -1, 1})
                    .get(graph.random.nextInt(7));
            graph.op(
                    "Slice",
                    "$ " + graph.list(range[0]) + " " + graph.list(range[1]) + " " + graph.list(axis) + " "
                            + graph.list(range[2]));
        });
        makers.put("Slice to a length", graph -> {
            String shape = graph.aside("Shape", "$");
            String end = graph.aside("Gather", shape + " " + graph.list(graph.random.nextInt(graph.rank())));
            graph.op("Slice", "$ " + graph.list(0) + " " + end + " " + graph.list(graph.axis()));
        });
        makers.put("Slice of a table", graph -> {
            String shape = graph.aside("Shape", "$");
            String end = graph.aside("Gather", shape + " " + graph.list(graph.random.nextInt(graph.rank())));
            String rows =
                    graph.aside("Slice", graph.floats(64, 1) + " " + graph.list(0) + " " + end + " " + graph.list(0));
            graph.op("Add", "$ " + rows);
        });
        makers.put(
                "Concat",
                graph -> graph.op("Concat", graph.coin() ? "$ $" : "$ " + graph.aside("Neg", "$"), axis(graph.axis())));
        makers.put("Concat of a constant", graph -> {
            long[] shape = graph.shape();
            graph.op("Concat", "$ " + graph.floats(shape), axis(graph.axis()));
        });
        makers.put("Split", graph -> {
            long axis = graph.axis();
            if (graph.size(axis) % 2 != 0 || graph.opset >= 18) {
                graph.ops(
                        "Split",
                        "$",
                        1,
                        0,
                        graph.opset >= 18
                                ? new AttributeProto[] {axis(axis), attribute("num_outputs", 1L)}
                                : new AttributeProto[] {axis(axis)});
            } else {
                graph.ops("Split", "$", 2, graph.random.nextInt(2), axis(axis));
            }
        });
        makers.put("Pad", graph -> {
            long[] pads = new long[2 * graph.rank()];
            pads[graph.random.nextInt(pads.length)] = graph.random.nextInt(3) - 1L;
            pads[graph.random.nextInt(pads.length)] = graph.random.nextInt(3) - 1L;
            graph.op(
                    "Pad",
                    "$ " + graph.list(pads),
                    string("mode", List.of("constant", "edge", "reflect").get(graph.random.nextInt(3))));
        });
        makers.put(
                "Trilu",
                graph -> graph.op(
                        "Trilu",
                        graph.coin() ? "$" : "$ " + graph.scalar(graph.random.nextInt(3) - 1),
                        attribute("upper", graph.coin() ? 1L : 0L)));
        makers.put("EyeLike", graph -> graph.op("EyeLike", "$", attribute("k", graph.random.nextInt(3) - 1L)));
        makers.put("DepthToSpace", graph -> {
            graph.turned();
            graph.ofRank(4);
            graph.op("DepthToSpace", "", attribute("blocksize", graph.coin() ? 1L : 2L));
        });
        makers.put("SpaceToDepth", graph -> {
            graph.turned();
            graph.ofRank(4);
            graph.op("SpaceToDepth", "", attribute("blocksize", graph.coin() ? 1L : 2L));
        });
        makers.put(
                "ConstantOfShape",
                graph -> graph.op("Add", "$ " + graph.aside("ConstantOfShape", graph.aside("Shape", "$"))));
        makers.put("Range", graph -> {
            String shape = graph.aside("Shape", "$");
            String limit = graph.aside("Gather", shape + " " + graph.scalar(graph.random.nextInt(graph.rank())));
            String start = graph.scalar(graph.random.nextInt(2));
            String numbers = graph.aside("Range", start + " " + limit + " " + graph.scalar(1));
            String reals = graph.aside("Cast", numbers, attribute("to", 1L));
            graph.op(
                    "Mul",
                    "$ "
                            + graph.aside(
                                    "Reshape",
                                    reals + " "
                                            + graph.list(
                                                    List.of(new long[] {-1}, new long[] {-1, 1}, new long[] {-1, 1, 1})
                                                            .get(graph.random.nextInt(3)))));
        });
        makers.put("Shape", graph -> graph.op("Shape", ""));
        makers.put("Size", graph -> graph.op("Size", ""));
        makers.put("NonZero", graph -> graph.op("NonZero", ""));
        makers.put(
                "Unique",
                graph -> graph.ops(
                        "Unique",
                        "$",
                        4,
                        graph.random.nextInt(4),
                        graph.coin() ? new AttributeProto[] {axis(graph.axis())} : none()));
        makers.put("Compress", graph -> {
            byte[] which = {1, 0, 1, 1, 0, 1};
            int length = 1 + graph.random.nextInt(6);
            graph.op(
                    "Compress",
                    "$ "
                            + graph.aside(
                                    "Cast",
                                    graph.list(IntStream.range(0, length)
                                            .mapToLong(i -> which[i])
                                            .toArray()),
                                    attribute("to", 9L)),
                    graph.coin() ? new AttributeProto[] {axis(graph.axis())} : none());
        });
    }
}
