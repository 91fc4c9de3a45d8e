package io.modscan.onnx.internal.network;

import io.modscan.core.safetensors.DType;
import io.modscan.onnx.internal.graph.GraphBuilder;

/**
 * The inputs of a decoder of texts, and what is read of them all over its graph. All but {@code visible} and {@code columns}
 * are [batch, sequence].
 *
 * @param ids     the token ids
 * @param mask    1 at real tokens, 0 at padding
 * @param ordinal 1 at a row's first real token, 2 at its second, …; 0 at padding, on whichever side
 * @param real    whether a token is no padding
 * @param columns [sequence]: 0, 1, …
 * @param visible [batch, 1, query, key]: whether a query may see a key, which is real and not behind it
 */
public record DecoderInputs(String ids, String mask, String ordinal, String real, String columns, String visible) {

    /** What the graphs' inputs are called. */
    public static final String IDS = "input_ids";

    public static final String MASK = "attention_mask";

    static DecoderInputs declare(GraphBuilder graph) {
        graph.input(IDS, DType.I64, "batch", "sequence");
        graph.input(MASK, DType.I64, "batch", "sequence");
        String counted = graph.op("CumSum", "mask_cumsum", MASK, graph.scalar("axis_1", 1));
        String ordinal = graph.op("Mul", "position_ordinal", counted, MASK);
        String columns = columns(graph);
        String causal = graph.op(
                "GreaterOrEqual",
                "mask_causal",
                graph.unsqueeze("mask_queries", columns, 1),
                graph.unsqueeze("mask_keys", columns, 0));
        String real = graph.op("Greater", "mask_real", MASK, graph.scalar("zero", 0));
        String visible = graph.op("And", "mask_visible", graph.unsqueeze("mask_real_keys", real, 1, 2), causal);
        return new DecoderInputs(IDS, MASK, ordinal, real, columns, visible);
    }

    private static String columns(GraphBuilder graph) {
        String length =
                graph.op("Gather", "sequence_length", graph.op("Shape", "input_shape", IDS), graph.scalar("axis_1", 1));
        return graph.op("Range", "columns", graph.scalar("zero", 0), length, graph.scalar("one", 1));
    }
}
