package io.modscan.onnx.internal.network;

import static io.modscan.onnx.internal.graph.OnnxProtos.attribute;

import io.modscan.core.safetensors.DType;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.ProductFusion;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Causal self-attention with as many keys and values as queries, its scores divided by the root of a head's units. */
public final class Attention {

    /** transformers masks with the least finite float32, so that a row without a visible key stays finite. */
    private static final float MASKED = -Float.MAX_VALUE;

    private final Network network;
    private final GraphBuilder graph;
    private final Changes changes;
    private final int heads;
    private final int units;
    private final int width;
    private final String headShape;
    private final String flatShape;

    /**
     * The linear maps of one attention.
     *
     * @param q   queries, [heads × units, width]
     * @param k   keys, the same
     * @param v   values, the same
     * @param out what the heads write to the residual stream, [width, heads × units]
     */
    public record Maps(Linear q, Linear k, Linear v, Linear out) {

        private List<Linear> inward() {
            return List.of(q, k, v);
        }
    }

    /**
     * Says what each attention of a network is like.
     *
     * @param heads attention heads
     * @param units of a head
     * @param width of the residual stream
     */
    public Attention(Network network, int heads, int units, int width) {
        this.network = network;
        this.graph = network.graph();
        this.changes = network.changes();
        this.heads = heads;
        this.units = units;
        this.width = width;
        this.headShape = graph.longs("shape_heads", 0, 0, heads, units);
        this.flatShape = PlanOutputs.flatShape(graph);
    }

    /**
     * Adds the sites of an attention up to z. Where it is fused, a pattern that is read is computed beside it, and equals the one that z was
     * made of up to rounding.
     *
     * @param attn what the sites' names begin with
     * @return z with its heads side by side, [batch, sequence, heads × units]
     */
    public String build(String attn, Maps maps, String input) {
        if (!network.fuses() || changes.at(attn + "hook_pattern")) {
            return open(attn, maps, input);
        }
        String z = fused(attn, maps, input);
        // Beside it, so that z, and all behind it, is the same number whatever else a plan reads.
        if (network.isPlanned(attn + "hook_attn_scores", attn + "hook_pattern")) {
            pattern(attn);
        }
        if (network.isPlanned(attn + "hook_result")) {
            result(attn, graph.transpose(attn + "z_by_head", attn + "hook_z", 0, 2, 1, 3), maps.out());
        }
        return z;
    }

    /**
     * An attention whose scores and pattern stay inside one node, which adds the biases too unless a plan reads q, k or v, or what is made
     * of them, or changes q, k or v.
     */
    private String fused(String attn, Maps maps, String input) {
        boolean apart = maps.inward().stream().anyMatch(map -> map.bias().isEmpty())
                || network.isPlanned(
                        attn + "hook_q",
                        attn + "hook_k",
                        attn + "hook_v",
                        attn + "hook_attn_scores",
                        attn + "hook_pattern")
                || Stream.of("q", "k", "v").anyMatch(map -> changes.at(attn + "hook_" + map));
        List<String> inputs = new ArrayList<>();
        List<String> biases = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Linear map = maps.inward().get(i);
            String site = attn + "hook_" + "qkv".charAt(i);
            String flat = site + "_flat";
            if (apart) {
                heads(site, input, map);
            } else {
                flat = network.matMul(flat + "_unbiased", input, map.weight());
                biases.add(network.weight(map.bias()));
            }
            inputs.add(flat);
        }
        inputs.add(apart ? "" : graph.op("Concat", attn + "bias", biases, attribute("axis", 0L)));
        String mask = "attention_mask_int32";
        inputs.add(graph.has(mask) ? mask : graph.cast(mask, network.inputs().mask(), DType.I32));
        if (!graph.has(ProductFusion.ADDED_MASK)) {
            graph.op(
                    "Where",
                    ProductFusion.ADDED_MASK,
                    network.inputs().visible(),
                    graph.scalar("zero_float", 0f),
                    graph.scalar("masked", MASKED));
        }
        graph.runtimeOp(
                "MultiHeadAttention",
                List.of(changes.before(attn + "hook_z", attn + "z_flat")),
                inputs,
                attribute("num_heads", (long) heads),
                attribute("unidirectional", 1L),
                attribute("scale", scale()),
                attribute("mask_filter_value", MASKED));
        String z = changes.apply(attn + "hook_z", attn + "z_flat");
        graph.op("Reshape", attn + "hook_z", z, headShape);
        return z;
    }

    private float scale() {
        return (float) Math.pow(units, -0.5);
    }

    /** An attention in which every site is a tensor. */
    private String open(String attn, Maps maps, String input) {
        heads(attn + "hook_q", input, maps.q());
        heads(attn + "hook_k", input, maps.k());
        String v = heads(attn + "hook_v", input, maps.v());
        String byHead = graph.op(
                "MatMul", attn + "z_by_head", pattern(attn), graph.transpose(attn + "v_by_head", v, 0, 2, 1, 3));
        String site = attn + "hook_z";
        String z = graph.transpose(changes.before(site), byHead, 0, 2, 1, 3);
        if (!changes.at(site)) {
            result(attn, byHead, maps.out());
            return graph.op("Reshape", attn + "z_flat", z, flatShape);
        }
        graph.op("Reshape", changes.before(site, attn + "z_flat"), z, flatShape);
        String flat = changes.apply(site, attn + "z_flat");
        graph.op("Reshape", site, flat, headShape);
        result(attn, graph.transpose(attn + "z_by_head_changed", site, 0, 2, 1, 3), maps.out());
        return flat;
    }

    /** [batch, head, query, key], of queries and keys that are there. */
    private String pattern(String attn) {
        String scaled = graph.op("Mul", attn + "q_scaled", attn + "hook_q", graph.scalar("scale", scale()));
        String raw = graph.op(
                "MatMul",
                attn + "scores_raw",
                graph.transpose(attn + "q_by_head", scaled, 0, 2, 1, 3),
                graph.transpose(attn + "k_by_head", attn + "hook_k", 0, 2, 3, 1));
        String scores = graph.op(
                "Where", attn + "hook_attn_scores", network.inputs().visible(), raw, graph.scalar("masked", MASKED));
        String site = attn + "hook_pattern";
        graph.op("Softmax", changes.before(site), List.of(scores), attribute("axis", -1L));
        return changes.multiply(site);
    }

    /** What each head writes to the residual stream, [batch, sequence, head, width]. */
    private void result(String attn, String zByHead, Linear out) {
        String perHead = graph.op(
                "Reshape",
                attn + "w_o_by_head",
                network.transposed(out.weight()),
                graph.longs("shape_w_o", heads, units, width));
        graph.transpose(
                attn + "hook_result", graph.op("MatMul", attn + "result_by_head", zByHead, perHead), 0, 2, 1, 3);
    }

    /** [batch, sequence, head, unit] */
    private String heads(String site, String input, Linear map) {
        network.linear(changes.before(site, site + "_flat"), input, map);
        return graph.op("Reshape", site, changes.apply(site, site + "_flat"), headShape);
    }
}
