package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.GraphMakers.axis;
import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Map;
import java.util.function.Consumer;

/** Nodes of operators with bodies or of sequences. */
final class BodyMakers {

    private BodyMakers() {}

    static void fill(Map<String, Consumer<RandomGraph>> makers) {
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
}
