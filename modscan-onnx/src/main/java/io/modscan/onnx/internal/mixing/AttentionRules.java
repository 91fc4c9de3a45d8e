package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

import io.modscan.onnx.internal.mixing.Kept.Held;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** Attention, ONNX's own and ONNX Runtime's: safe, since it stays within a row, and where a mask or looking back keeps padding out. */
final class AttentionRules {

    private static final String MS = "com.microsoft.";

    private AttentionRules() {}

    static void addTo(MixingRules table) {
        table.add(
                "Attention",
                "is_causal scale softcap q_num_heads kv_num_heads qk_matmul_output_mode softmax_precision",
                Set.of(),
                AttentionRules::attention);
        table.add(MS + "EmbedLayerNormalization", "epsilon mask_index_type", Set.of(), AttentionRules::embedded);
        table.add(
                MS + "RotaryEmbedding",
                "interleaved num_heads rotary_embedding_dim is_packed_batching scale",
                Set.of(),
                AttentionRules::rotated);
        table.add(
                MS + "Attention",
                "num_heads unidirectional do_rotary mask_filter_value rotary_embedding_dim scale qkv_hidden_sizes"
                        + " past_present_share_buffer",
                Set.of(),
                AttentionRules::fusedAttention);
        table.add(
                MS + "MultiHeadAttention",
                "num_heads unidirectional mask_filter_value scale",
                Set.of(),
                AttentionRules::multiHead);
        table.add(
                MS + "GroupQueryAttention",
                "num_heads kv_num_heads do_rotary rotary_interleaved scale local_window_size"
                        + " softcap smooth_softmax",
                Set.of(6),
                AttentionRules::grouped);
    }

    private static List<Kept> embedded(MixingNode node) {
        Kept ids = node.kept(0);
        Kept mask = node.kept(7);
        boolean numbers = node.kept(8).isFree() || node.axes(8).equals(node.axes(0));
        if (!node.isFree(2, 7) || !numbers || node.rank(0) != 2) {
            return node.all(MIXED);
        }
        Kept embedded = node.changed(node.union(List.of(ids, node.kept(1), node.kept(8))));
        List<Kept> outputs = new ArrayList<>();
        for (int output = 0; output < node.outputs(); output++) {
            if (output != 1) {
                outputs.add(embedded);
            } else if (!node.positions()) {
                outputs.add(ids.holds(0) ? Kept.held(List.of(Held.at(0, Padding.ANYTHING))) : MIXED);
            } else {
                // How many are real.
                boolean counts =
                        mask.any(axis -> axis.place() == 1 && axis.padding().isZero());
                outputs.add(counts ? Kept.free().counting() : MIXED);
            }
        }
        return outputs;
    }

    private static List<Kept> rotated(MixingNode node) {
        Kept ids = node.kept(1);
        int own = node.rank(0) == 4 ? 2 : 1;
        Kept moved = node.rank(1) == 2
                ? node.carry(1, axis -> axis == 0 ? OptionalInt.of(0) : OptionalInt.of(own))
                : ids.isFree() ? ids : MIXED;
        boolean apart = node.rank(0) >= 3
                && node.isFree(2)
                && (moved.isFree()
                        || moved.axes().stream().allMatch(axis -> node.kept(0).holds(axis.place())))
                && node.kept(0).axes().stream().allMatch(axis -> axis.place() == 0 || axis.place() == own)
                && (node.positions() || moved.isFree() || moved.holds(0));
        return node.all(
                apart && !moved.isMixed() && node.integer("is_packed_batching", 0) == 0
                        ? node.changed(node.kept(0))
                        : MIXED);
    }

    /** A mask of one of the kinds that attention takes, of which it sees nothing at padding. */
    private static boolean isMask(MixingNode node, int input, boolean additive) {
        Kept mask = node.kept(input);
        int last = node.rank(input) - 1;
        return mask.any(axis -> axis.place() == last
                && (additive ? axis.padding().isLow() : axis.padding().isZero()));
    }

    private static boolean isCausal(MixingNode node) {
        return node.integer("is_causal", 0) != 0 || node.integer("unidirectional", 0) != 0;
    }

    /** ONNX's own, from opset 23 on. */
    static List<Kept> attention(MixingNode node) {
        int rank = node.rank(0);
        int own = rank == 4 ? 2 : 1;
        boolean masked = isCausal(node) || (node.has(3) && isMask(node, 3, !node.isBool(3)));
        boolean same = (rank == 3 || rank == 4) && node.rank(1) == rank && node.rank(2) == rank;
        boolean past = node.has(4) || node.has(5) || node.has(6);
        if (!same || past || !heldAlike(node, List.of(0, 1, 2), own) || !fits(node, 3)) {
            return node.all(MIXED);
        }
        if (node.positions() && !masked) {
            return node.all(MIXED);
        }
        List<Kept> outputs = new ArrayList<>();
        for (int output = 0; output < node.outputs(); output++) {
            outputs.add(output == 0 ? node.changed(node.kept(0)) : output == 3 ? MIXED : present(node, 0, 2));
        }
        return outputs;
    }

    /** Queries, keys and values: all along the rows, or all with positions in their place. */
    private static boolean heldAlike(MixingNode node, List<Integer> inputs, int own) {
        int place = node.positions() ? own : 0;
        return inputs.stream()
                .allMatch(input -> !node.has(input)
                        || (node.kept(input).axes().size() == 1
                                && node.kept(input).any(axis -> axis.place() == place && axis.isPure())));
    }

    /** Whether a mask's rows, if it has any, are those of the batch. */
    private static boolean fits(MixingNode node, int input) {
        if (!node.has(input) || node.positions()) {
            return true;
        }
        return node.kept(input).isFree()
                || (node.kept(input).axes().size() == 1
                        && node.kept(input).any(axis -> axis.place() == 0 && axis.isPure())
                        && node.rank(input) == 4);
    }

    private static Kept present(MixingNode node, int rows, int positions) {
        return Kept.held(List.of(Held.at(node.positions() ? positions : rows, Padding.ANYTHING)));
    }

    private static List<Kept> fusedAttention(MixingNode node) {
        Kept mask = node.kept(3);
        boolean input = node.rank(0) == 3 && heldAlike(node, List.of(0), 1) && node.isFree(1, 3) && node.isFree(6);
        boolean noPast = isNone(node, 4);
        boolean bias = !node.has(5)
                || node.kept(5).isFree()
                || (node.rank(5) == 4
                        && node.kept(5).axes().stream().allMatch(axis -> node.positions() || axis.place() == 0));
        boolean rows =
                mask.isFree() || (mask.axes().size() == 1 && mask.any(axis -> axis.place() == 0 && axis.isPure()));
        if (!input || !noPast || !bias || (!node.positions() && !rows)) {
            return node.all(MIXED);
        }
        // How many are real may be said of each row instead.
        boolean counted = node.has(3) && node.rank(3) == 1 && mask.counts();
        boolean seen = isCausal(node)
                || counted
                || (node.has(3) && node.rank(3) == 2 && isMask(node, 3, false))
                || (node.has(5) && isMask(node, 5, true));
        return outputs(node, seen, 1, 3);
    }

    private static List<Kept> outputs(MixingNode node, boolean seen, int rows, int positions) {
        if (node.positions() && !seen) {
            return node.all(MIXED);
        }
        List<Kept> outputs = new ArrayList<>();
        for (int output = 0; output < node.outputs(); output++) {
            Kept first = Kept.held(List.of(Held.at(node.positions() ? 1 : 0, Padding.ANYTHING)));
            outputs.add(output == 0 ? first : output < 3 ? present(node, rows, positions) : MIXED);
        }
        return outputs;
    }

    private static List<Kept> multiHead(MixingNode node) {
        boolean three = node.rank(0) == 3 && node.rank(1) == 3 && node.rank(2) == 3;
        boolean noPast = isNone(node, 6) && isNone(node, 7);
        boolean later = node.isFree(8);
        boolean rows = node.positions() || (rowsOnly(node, 4) && rowsOnly(node, 5));
        if (!three || !noPast || !later || !rows || !node.isFree(3, 4) || !heldAlike(node, List.of(0, 1, 2), 1)) {
            return node.all(MIXED);
        }
        boolean counted = node.has(4) && node.rank(4) == 1 && node.kept(4).counts();
        boolean seen = isCausal(node)
                || counted
                || (node.has(4) && node.rank(4) == 2 && isMask(node, 4, false))
                || (node.has(5) && isMask(node, 5, true));
        return outputs(node, seen, 0, 2);
    }

    private static boolean isNone(MixingNode node, int past) {
        return !node.has(past) || node.axes(past).contains("0");
    }

    private static boolean rowsOnly(MixingNode node, int input) {
        return node.kept(input).axes().stream().allMatch(axis -> axis.place() == 0 && axis.isPure());
    }

    /** Looks back only. */
    private static List<Kept> grouped(MixingNode node) {
        boolean noPast = isNone(node, 3) && isNone(node, 4);
        boolean keys = !node.has(1) || (node.rank(1) == 3 && node.rank(2) == 3);
        boolean lengths =
                node.positions() ? node.kept(5).isFree() : node.kept(5).isFree() || rowsOnly(node, 5);
        if (node.rank(0) != 3
                || !noPast
                || !keys
                || !lengths
                || !node.isFree(7)
                || node.kept(6).isHeld()
                || !heldAlike(node, List.of(0, 1, 2), 1)) {
            return node.all(MIXED);
        }
        return outputs(node, true, 0, 2);
    }
}
