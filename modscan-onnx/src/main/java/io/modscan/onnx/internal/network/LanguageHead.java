package io.modscan.onnx.internal.network;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import io.modscan.onnx.internal.graph.GraphBuilder;
import java.util.List;

/** The language-model head, and the loss of what it says. */
public final class LanguageHead {

    public static final String LOGITS = "logits";
    public static final String LOSS = "loss";

    /** The natural logarithms of the probabilities. */
    public static final String LOG_PROBS = "log_probs";

    private static final String LOG_SUM_EXP = "_lse";

    /** How far they lie from those of an untouched run. */
    public static final String KL = "kl";

    /** The token behind each position, [batch, sequence]; behind the last, that of the first column. */
    static final String NEXT = "next_ids";

    /** In {@link #LOSS}: whether a token has one before it, [batch, sequence]. */
    static final String HAS_PREDECESSOR = "has_predecessor";

    private LanguageHead() {}

    /** Adds logits [batch, sequence, vocabulary], a product with the transpose of a matrix [vocabulary, width]; and the loss. */
    public static void build(Network network, String input, String matrix) {
        GraphBuilder graph = network.graph();
        String logits = network.matMul(LOGITS, input, matrix);
        loss(graph, network.inputs(), logits);
        graph.op("Sub", LOG_PROBS, logits, LOGITS + LOG_SUM_EXP);
    }

    /**
     * Adds, [batch, sequence], the Kullback–Leibler divergence of what the head says from what it says of an untouched run's last stream:
     * Σ exp(p) · (p − q) over the vocabulary, p the untouched logarithms and q these.
     *
     * @param untouched what the head reads of that stream
     */
    public static void divergence(Network network, String untouched, String matrix) {
        GraphBuilder graph = network.graph();
        String logits = network.matMul("untouched_logits", untouched, matrix);
        String p = graph.op("Sub", "untouched_log_probs", logits, logSumExp(graph, logits));
        String apart = graph.op("Sub", "log_probs_apart", p, LOG_PROBS);
        String weighted = graph.op("Mul", "log_probs_apart_weighted", graph.op("Exp", "untouched_probs", p), apart);
        graph.op("ReduceSum", KL, List.of(weighted, graph.longs("minus_one", -1)), attribute("keepdims", 0L));
    }

    /** [batch, sequence, 1] */
    private static String logSumExp(GraphBuilder graph, String logits) {
        return graph.op(
                "ReduceLogSumExp",
                logits + LOG_SUM_EXP,
                List.of(logits),
                attribute("axes", new long[] {-1}),
                attribute("keepdims", 1L));
    }

    /** The logarithms of some tokens' probabilities, [batch, sequence, tokens], without those of all others. */
    static String logProbs(GraphBuilder graph, String output, String tokens) {
        String told = graph.op("Gather", output + "_logits", List.of(LOGITS, tokens), attribute("axis", -1L));
        return graph.op("Sub", output, told, LOGITS + LOG_SUM_EXP);
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
                NEXT,
                List.of(
                        graph.op("Slice", "ids_behind_first", inputs.ids(), second, end, columnAxis),
                        graph.op("Slice", "ids_first", inputs.ids(), first, second, columnAxis)),
                attribute("axis", 1L));
        String told = graph.op(
                "GatherElements",
                "logit_of_next",
                List.of(logits, graph.op("Unsqueeze", "next_ids_column", next, last)),
                attribute("axis", -1L));
        String total = logSumExp(graph, logits);
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
