package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

/** Other operators of ONNX Runtime's own, com.microsoft, fused or of few bits: safe where what they are made of is. */
final class ContribRules {

    private ContribRules() {}

    static void addTo(MixingRules table) {
        alike(table, "Gelu FastGelu BiasGelu QuickGelu", "alpha", node -> node.isFree(1) ? node.elementwise(0) : MIXED);
        alike(
                table,
                "QLinearAdd QLinearMul",
                "",
                node -> node.isFree(1, 3) && node.isFree(4) ? node.elementwise(0, 3) : MIXED);
        alike(table, "QLinearSigmoid QLinearLeakyRelu", "alpha", node -> node.isFree(1) ? node.elementwise(0) : MIXED);
        alike(table, "SkipLayerNormalization SkipSimplifiedLayerNormalization", "epsilon", ContribRules::skipped);
        alike(
                table,
                "MatMulNBits MatMulBnb4",
                "K N bits block_size accuracy_level quant_type transB",
                node -> node.isFree(1) ? node.apart(0, axis -> axis == node.rank(0) - 1) : MIXED);
        alike(
                table,
                "MatMulIntegerToFloat",
                "",
                node -> node.isFree(2) ? ProductRules.product(node, 0, 1, false, false) : MIXED);
        alike(
                table,
                "FusedMatMul TransposeMatMul",
                "alpha transA transB",
                node -> ProductRules.product(
                        node, 0, 1, node.integer("transA", 0) != 0, node.integer("transB", 0) != 0));
        alike(
                table,
                "FusedGemm",
                "alpha beta transA transB activation activation_alpha activation_beta activation_gamma",
                node -> node.isFree(1) && node.integer("transA", 0) == 0 ? node.apart(0, axis -> axis == 1) : MIXED);
        alike(
                table,
                "FusedConv",
                "auto_pad dilations group kernel_shape pads strides activation activation_params",
                node -> node.isFree(1) ? WindowRules.window(node, 0) : MIXED);
        alike(
                table,
                "QGemm",
                "alpha transA transB",
                node -> node.isFree(1) && node.integer("transA", 0) == 0 ? node.apart(0, axis -> axis == 1) : MIXED);
        alike(
                table,
                "GatherBlockQuantized",
                "gather_axis quantize_axis block_size bits",
                node -> node.integer("gather_axis", 0) == 0 && node.kept(0).isFree() && node.isFree(2)
                        ? LookupRules.gathered(node)
                        : MIXED);
    }

    private static void alike(MixingRules table, String operators, String attributes, MixingRules.Alike rule) {
        for (String operator : operators.split(" ", -1)) {
            table.alike("com.microsoft." + operator, attributes, rule);
        }
    }

    private static Kept skipped(MixingNode node) {
        boolean apart = node.isFree(2)
                && !node.kept(0).holds(node.rank(0) - 1)
                && !node.kept(1).holds(node.rank(1) - 1);
        return apart ? node.elementwise(0, 1) : MIXED;
    }
}
