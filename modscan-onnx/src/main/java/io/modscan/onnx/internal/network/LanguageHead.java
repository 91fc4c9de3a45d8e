package io.modscan.onnx.internal.network;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import io.modscan.onnx.internal.graph.GraphBuilder;
import java.util.List;

/** The language-model head, and the loss of what it says. */
public final class LanguageHead {

    public static final String LOGITS = "logits";
    public static final String LOSS = "loss";

    /** In {@link #LOSS}: whether a token has one before it, [batch, sequence]. */
    static final String HAS_PREDECESSOR = "has_predecessor";

    private LanguageHead() {}

    /** Adds logits [batch, sequence, vocabulary], a product with the transpose of a matrix [vocabulary, width]; and the loss. */
    public static void build(Network network, String input, String matrix) {
        loss(network.graph(), network.inputs(), network.matMul(LOGITS, input, matrix));
    }

    /**
     * [batch, sequence]: the negative log likelihood of each token given those before it; NaN at each row's first and at
     * padding.
     */
    private static void loss(GraphBuilder graph, DecoderInputs inputs, String logits) {
        // Position t's logits tell token t + 1, so the ids are shifted left, and the result right.
        String last = graph.longs("minus_one", -1);
        String first = graph.longs("first_column", 0);
        String second = graph.longs("second_column", 1);
        String columnAxis = graph.longs("column_axis", 1);
        String end = graph.longs("end_column", Long.MAX_VALUE);
        String next = graph.op(
                "Concat",
                "next_ids",
                List.of(
                        graph.op("Slice", "ids_behind_first", inputs.ids(), second, end, columnAxis),
                        graph.op("Slice", "ids_first", inputs.ids(), first, second, columnAxis)),
                attribute("axis", 1L));
        String told = graph.op(
                "GatherElements",
                "logit_of_next",
                List.of(logits, graph.op("Unsqueeze", "next_ids_column", next, last)),
                attribute("axis", -1L));
        String total = graph.op(
                "ReduceLogSumExp",
                "logits_lse",
                List.of(logits),
                attribute("axes", new long[] {-1}),
                attribute("keepdims", 1L));
        String nll = graph.op(
                "Reshape", "nll_of_next", graph.op("Sub", "nll_column", total, told), graph.longs("shape_rows", 0, -1));
        String shifted = graph.op(
                "Concat",
                "nll_shifted",
                List.of(
                        graph.op("Slice", "nll_last", nll, last, end, columnAxis),
                        graph.op("Slice", "nll_before_last", nll, first, last, columnAxis)),
                attribute("axis", 1L));
        String predicted = graph.op("Greater", HAS_PREDECESSOR, inputs.ordinal(), graph.scalar("one", 1));
        graph.op("Where", LOSS, predicted, shifted, graph.scalar("nan", Float.NaN));
    }
}
