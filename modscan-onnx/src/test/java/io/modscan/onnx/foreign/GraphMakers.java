package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.RandomGraph.string;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Nodes of the operators that ONNX Runtime's CPU has, of random attributes. */
final class GraphMakers {

    private final Map<String, Consumer<RandomGraph>> makers;

    private GraphMakers(Map<String, Consumer<RandomGraph>> makers) {
        this.makers = makers;
    }

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
        GraphMakers all = new GraphMakers(makers);
        all.elementwise();
        all.moving();
        all.lookingUp();
        all.along();
        all.products();
        all.windows();
        all.bodies();
        all.contrib();
    }

    private void elementwise() {
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

    private static long last(RandomGraph graph) {
        return graph.rank() == 0 ? 1 : graph.size(-1);
    }

    /** The tensor and another: a constant, itself, itself with its axes turned, one of the inputs, a number of its shape. */
    private static String pair(RandomGraph graph) {
        return switch (graph.random.nextInt(graph.text ? 8 : 7)) {
            case 0 -> "$ " + graph.floats(1);
            case 1 -> "$ " + graph.floats(last(graph));
            case 2 -> "$ $";
            case 3 -> "$ " + graph.aside("Transpose", "$");
            case 4 -> graph.floats(1, 1) + " $";
            case 5 -> "$ " + (graph.text ? "hidden" : graph.coin() ? "x0" : "z0");
            case 6 -> {
                String shape = graph.aside("Shape", "$");
                String which = graph.scalar(graph.rank() == 0 ? 0 : graph.random.nextInt(graph.rank()));
                yield "$ " + graph.aside("Cast", graph.aside("Gather", shape + " " + which), attribute("to", 1L));
            }
            default -> "$ " + (graph.coin() ? "column" : graph.coin() ? "added" : "line");
        };
    }

    private static AttributeProto[] none() {
        return new AttributeProto[0];
    }

    private static AttributeProto axis(long axis) {
        return attribute("axis", axis);
    }

    private void moving() {
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

    private void lookingUp() {
        makers.put("Gather", graph -> {
            long axis = graph.axis();
            String which =
                    graph.coin() ? graph.scalar(graph.random.nextInt(2) - (graph.coin() ? 1 : 0)) : graph.list(0, 1, 0);
            graph.op("Gather", "$ " + which, axis(axis));
        });
        makers.put("Gather by numbers", graph -> {
            String shape = graph.aside("Shape", "$");
            int which = graph.random.nextInt(graph.rank());
            String limit = graph.aside("Gather", shape + " " + graph.scalar(which));
            String numbers = graph.aside("Range", graph.scalar(0) + " " + limit + " " + graph.scalar(1));
            if (graph.coin()) {
                numbers = graph.aside("Sub", graph.aside("Sub", limit + " " + graph.scalar(1)) + " " + numbers);
            }
            graph.op("Gather", "$ " + numbers, axis(graph.coin() ? which : graph.axis()));
        });
        makers.put("Gather from a table", graph -> {
            graph.needsExact();
            String whole = graph.aside(
                    "Cast",
                    graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(3)),
                    attribute("to", 7L));
            graph.op("Gather", graph.floats(4, 2) + " " + whole, axis(0));
        });
        makers.put("GatherElements", graph -> {
            long axis = graph.axis();
            if (graph.coin()) {
                long[] one = graph.shape();
                Arrays.setAll(one, i -> graph.coin() ? 1 : one[i]);
                int count = (int) Arrays.stream(one).reduce(1, (a, b) -> a * b);
                String which = graph.aside("Reshape", graph.list(new long[count]) + " " + graph.list(one));
                graph.op("GatherElements", "$ " + which, axis(axis));
            } else {
                graph.needsExact();
                String zero = graph.aside(
                        "Cast",
                        graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(1)),
                        attribute("to", 7L));
                graph.op("GatherElements", "$ " + zero, axis(axis));
            }
        });
        makers.put("GatherND", graph -> {
            if (graph.rank() > 1 && graph.coin()) {
                String which = graph.aside(
                        "Expand",
                        graph.aside("Reshape", graph.scalar(0) + " " + graph.list(1, 1)) + " "
                                + graph.aside(
                                        "Concat",
                                        graph.aside("Gather", graph.aside("Shape", "$") + " " + graph.list(0)) + " "
                                                + graph.list(1),
                                        axis(0)));
                graph.op("GatherND", "$ " + which, attribute("batch_dims", 1L));
            } else {
                graph.op(
                        "GatherND",
                        "$ "
                                + graph.aside(
                                        "Reshape",
                                        graph.list(0, 1) + " "
                                                + graph.list(graph.coin() ? new long[] {2, 1} : new long[] {1, 2})));
            }
        });
        makers.put("GatherND by numbers", graph -> {
            String shape = graph.aside("Shape", "$");
            String count = graph.aside("Gather", shape + " " + graph.scalar(0));
            String numbers = graph.aside("Range", graph.scalar(0) + " " + count + " " + graph.scalar(1));
            String column = graph.aside("Reshape", numbers + " " + graph.list(-1, 1));
            String other = graph.coin() ? column : graph.aside("Sub", column + " " + column);
            graph.op("GatherND", "$ " + graph.aside("Concat", column + " " + other, axis(1)));
        });
        makers.put("ScatterElements", graph -> {
            graph.needsExact();
            String zero = graph.aside(
                    "Cast",
                    graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(1)),
                    attribute("to", 7L));
            graph.op("ScatterElements", "$ " + zero + " " + graph.aside("Neg", "$"), axis(graph.axis()));
        });
        makers.put("ScatterND", graph -> {
            long[] rest = Arrays.copyOfRange(graph.shape(), 1, graph.rank());
            long[] updates = new long[rest.length + 1];
            updates[0] = 1;
            System.arraycopy(rest, 0, updates, 1, rest.length);
            graph.op(
                    "ScatterND",
                    "$ " + graph.aside("Reshape", graph.scalar(0) + " " + graph.list(1, 1)) + " "
                            + graph.floats(updates));
        });
        makers.put("ScatterND by numbers", graph -> {
            String shape = graph.aside("Shape", "$");
            String count = graph.aside("Gather", shape + " " + graph.scalar(0));
            String numbers = graph.aside("Range", graph.scalar(0) + " " + count + " " + graph.scalar(1));
            if (graph.coin()) {
                numbers = graph.aside("Sub", graph.aside("Sub", count + " " + graph.scalar(1)) + " " + numbers);
            }
            graph.op(
                    "ScatterND",
                    "$ " + graph.aside("Reshape", numbers + " " + graph.list(-1, 1)) + " "
                            + (graph.coin() ? graph.aside("Neg", "$") : "$"));
        });
        makers.put("OneHot", graph -> {
            graph.needsExact();
            String whole = graph.aside(
                    "Cast",
                    graph.aside("Clip", graph.aside("Abs", "$") + " _ " + graph.number(2)),
                    attribute("to", 7L));
            graph.op(
                    "OneHot",
                    whole + " " + graph.scalar(3) + " " + graph.floats(2),
                    axis(graph.random.nextInt(graph.rank() + 1)));
        });
        makers.put("TopK", graph -> {
            graph.needsExact();
            long k = 1L + graph.random.nextInt(2);
            graph.ops("TopK", "$ " + graph.list(k), 2, graph.random.nextInt(2), axis(graph.axis()));
        });
    }

    private void along() {
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

    private void products() {
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

    private void windows() {
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

    private void bodies() {
        makers.put("If", graph -> {
            String yes = graph.aside("Cast", graph.scalar(1), attribute("to", 9L));
            String captured = graph.current();
            graph.op(
                    "If",
                    yes,
                    HandGraph.graph(
                            "then_branch",
                            HandGraph.body().node("Neg", captured, "then_out").output("then_out")),
                    HandGraph.graph(
                            "else_branch",
                            HandGraph.body().node("Abs", captured, "else_out").output("else_out")));
        });
        makers.put("Loop", graph -> {
            String yes = graph.aside("Cast", graph.scalar(1), attribute("to", 9L));
            graph.op(
                    "Loop",
                    graph.scalar(2) + " " + yes + " $",
                    HandGraph.graph(
                            "body",
                            HandGraph.body()
                                    .input("i", DataType.INT64)
                                    .input("go", DataType.BOOL)
                                    .inputOfUnknownRank("state", DataType.FLOAT)
                                    .node("Identity", "go", "go_on")
                                    .node("Add", "state state", "state_out")
                                    .output("go_on")
                                    .output("state_out")));
        });
        makers.put("Scan", graph -> {
            String captured = graph.floats(1);
            graph.op(
                    "Scan",
                    "$",
                    attribute("num_scan_inputs", 1L),
                    attribute("scan_input_axes", new long[] {graph.axis()}),
                    HandGraph.graph(
                            "body",
                            HandGraph.body()
                                    .inputOfUnknownRank("slice", DataType.FLOAT)
                                    .node("Add", "slice " + captured, "slice_out")
                                    .output("slice_out")));
        });
        makers.put(
                "SequenceAt",
                graph -> graph.op(
                        "SequenceAt", graph.aside("SplitToSequence", "$", axis(graph.axis())) + " " + graph.scalar(0)));
        makers.put(
                "ConcatFromSequence",
                graph -> graph.op("ConcatFromSequence", graph.aside("SequenceConstruct", "$ $"), axis(graph.axis())));
    }

    private void contrib() {
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
