package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

import java.util.List;
import java.util.Set;

/** Trees, linear models and scalers of ai.onnx.ml: safe, since they read each row of [rows, features] by itself. */
final class ClassicalRules {

    private static final String ML = "ai.onnx.ml.";

    private static final String TREES = "aggregate_function base_values base_values_as_tensor classlabels_int64s"
            + " classlabels_strings class_ids class_nodeids class_treeids class_weights class_weights_as_tensor n_targets"
            + " nodes_falsenodeids nodes_featureids nodes_hitrates nodes_hitrates_as_tensor"
            + " nodes_missing_value_tracks_true nodes_modes nodes_nodeids nodes_treeids nodes_truenodeids nodes_values"
            + " nodes_values_as_tensor post_transform target_ids target_nodeids target_treeids target_weights"
            + " target_weights_as_tensor";

    private ClassicalRules() {}

    static void addTo(MixingRules table) {
        // Each row of [rows, features] by itself.
        table.add(
                ML + "LinearRegressor",
                "coefficients intercepts post_transform targets",
                Set.of(),
                ClassicalRules::rows);
        table.add(
                ML + "LinearClassifier",
                "coefficients intercepts post_transform classlabels_ints classlabels_strings multi_class",
                Set.of(),
                ClassicalRules::rows);
        for (String trees : List.of("TreeEnsembleClassifier", "TreeEnsembleRegressor")) {
            table.add(ML + trees, TREES, Set.of(), ClassicalRules::rows);
        }
        table.alike(ML + "Normalizer", "norm", node -> node.rank(0) == 2 ? node.apart(0, axis -> axis != 0) : MIXED);
        table.alike(
                ML + "Scaler", "offset scale", node -> node.rank(0) == 2 ? node.apart(0, axis -> axis != 0) : MIXED);
        table.alike(ML + "Binarizer", "threshold", node -> node.elementwise(0));
    }

    private static List<Kept> rows(MixingNode node) {
        boolean apart = node.rank(0) == 2
                && node.isFree(1)
                && node.kept(0).axes().stream().allMatch(axis -> axis.place() == 0);
        return node.all(apart ? node.changed(node.kept(0)) : MIXED);
    }
}
