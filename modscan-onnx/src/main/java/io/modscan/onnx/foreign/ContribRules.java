package io.modscan.onnx.foreign;

import io.modscan.onnx.foreign.Kept.Held;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** What {@link MixingRules} are for operators of ONNX Runtime's own, for attention, and for those of classical models. */
final class ContribRules {

    private static final Kept MIXED = MixingNode.MIXED;

    private static final String MS = "com.microsoft.";

    private static final String ML = "ai.onnx.ml.";

    private final MixingRules rules;

    ContribRules(MixingRules rules) {
        this.rules = rules;
    }

    void add() {
        alike("Gelu FastGelu BiasGelu QuickGelu", "alpha", node -> node.isFree(1) ? node.elementwise(0) : MIXED);
        alike(
                "QLinearAdd QLinearMul",
                "",
                node -> node.isFree(1, 3) && node.isFree(4) ? node.elementwise(0, 3) : MIXED);
        alike("QLinearSigmoid QLinearLeakyRelu", "alpha", node -> node.isFree(1) ? node.elementwise(0) : MIXED);
        alike("SkipLayerNormalization SkipSimplifiedLayerNormalization", "epsilon", ContribRules::skipped);
        alike(
                "MatMulNBits MatMulBnb4",
                "K N bits block_size accuracy_level quant_type transB",
                node -> node.isFree(1) ? node.apart(0, axis -> axis == node.rank(0) - 1) : MIXED);
        alike(
                "MatMulIntegerToFloat",
                "",
                node -> node.isFree(2) ? MixingRules.product(node, 0, 1, false, false) : MIXED);
        alike(
                "FusedMatMul TransposeMatMul",
                "alpha transA transB",
                node -> MixingRules.product(
                        node, 0, 1, node.integer("transA", 0) != 0, node.integer("transB", 0) != 0));
        alike(
                "FusedGemm",
                "alpha beta transA transB activation activation_alpha activation_beta activation_gamma",
                node -> node.isFree(1) && node.integer("transA", 0) == 0 ? node.apart(0, axis -> axis == 1) : MIXED);
        alike(
                "FusedConv",
                "auto_pad dilations group kernel_shape pads strides activation activation_params",
                node -> node.isFree(1) ? MixingRules.window(node, 0) : MIXED);
        alike(
                "QGemm",
                "alpha transA transB",
                node -> node.isFree(1) && node.integer("transA", 0) == 0 ? node.apart(0, axis -> axis == 1) : MIXED);
        alike(
                "GatherBlockQuantized",
                "gather_axis quantize_axis block_size bits",
                node -> node.integer("gather_axis", 0) == 0 && node.kept(0).isFree() && node.isFree(2)
                        ? MixingRules.gathered(node)
                        : MIXED);
        add("EmbedLayerNormalization", "epsilon mask_index_type", ContribRules::embedded);
        add(
                "RotaryEmbedding",
                "interleaved num_heads rotary_embedding_dim is_packed_batching scale",
                ContribRules::rotated);
        add(
                "Attention",
                "num_heads unidirectional do_rotary mask_filter_value rotary_embedding_dim scale qkv_hidden_sizes"
                        + " past_present_share_buffer",
                ContribRules::fusedAttention);
        add("MultiHeadAttention", "num_heads unidirectional mask_filter_value scale", ContribRules::multiHead);
        rules.add(
                MS + "GroupQueryAttention",
                "num_heads kv_num_heads do_rotary rotary_interleaved scale local_window_size"
                        + " softcap smooth_softmax",
                Set.of(6),
                ContribRules::grouped);
        // Each row of [rows, features] by itself.
        rules.add(
                ML + "LinearRegressor", "coefficients intercepts post_transform targets", Set.of(), ContribRules::rows);
        rules.add(
                ML + "LinearClassifier",
                "coefficients intercepts post_transform classlabels_ints classlabels_strings" + " multi_class",
                Set.of(),
                ContribRules::rows);
        for (String trees : List.of("TreeEnsembleClassifier", "TreeEnsembleRegressor")) {
            rules.add(ML + trees, TREES, Set.of(), ContribRules::rows);
        }
        rules.alike(ML + "Normalizer", "norm", node -> node.rank(0) == 2 ? node.apart(0, axis -> axis != 0) : MIXED);
        rules.alike(
                ML + "Scaler", "offset scale", node -> node.rank(0) == 2 ? node.apart(0, axis -> axis != 0) : MIXED);
        rules.alike(ML + "Binarizer", "threshold", node -> node.elementwise(0));
    }

    private static final String TREES = "aggregate_function base_values base_values_as_tensor classlabels_int64s"
            + " classlabels_strings class_ids class_nodeids class_treeids class_weights class_weights_as_tensor n_targets"
            + " nodes_falsenodeids nodes_featureids nodes_hitrates nodes_hitrates_as_tensor"
            + " nodes_missing_value_tracks_true nodes_modes nodes_nodeids nodes_treeids nodes_truenodeids nodes_values"
            + " nodes_values_as_tensor post_transform target_ids target_nodeids target_treeids target_weights"
            + " target_weights_as_tensor";

    private void alike(String operators, String attributes, MixingRules.Alike rule) {
        for (String operator : operators.split(" ", -1)) {
            rules.alike(MS + operator, attributes, rule);
        }
    }

    private void add(String operator, String attributes, MixingRules.Rule rule) {
        rules.add(MS + operator, attributes, Set.of(), rule);
    }

    private static List<Kept> rows(MixingNode node) {
        boolean apart = node.rank(0) == 2
                && node.isFree(1)
                && node.kept(0).axes().stream().allMatch(axis -> axis.place() == 0);
        return node.all(apart ? node.changed(node.kept(0)) : MIXED);
    }

    private static Kept skipped(MixingNode node) {
        boolean apart = node.isFree(2)
                && !node.kept(0).holds(node.rank(0) - 1)
                && !node.kept(1).holds(node.rank(1) - 1);
        return apart ? node.elementwise(0, 1) : MIXED;
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
                && (additive
                        ? axis.padding().isLow()
                        : axis.padding().isZero() || axis.padding().equals(Padding.OF_MASK)));
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
