package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Operators that work element by element: safe, since none sees another place. */
final class ElementwiseRules {

    private ElementwiseRules() {}

    static void addTo(MixingRules table) {
        table.alike(
                "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid"
                        + " HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink"
                        + " Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu",
                "alpha beta gamma to saturate round_mode approximate detect_negative detect_positive lambd bias",
                node -> node.elementwise(0));
        table.alike(
                "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean"
                        + " Min Mod Mul Or PRelu Pow Sub Sum Where Xor",
                "direction fmod",
                node -> node.opset() < 7
                                && Stream.of(0, 1).map(node::axes).distinct().count() > 1
                        ? MIXED // broadcast in other ways
                        : node.elementwise(IntStream.range(0, node.inputs()).toArray()));
        table.alike("Clip", "min max", node -> node.isFree(1) ? node.elementwise(0) : MIXED);
        table.alike("CastLike", "saturate round_mode", node -> node.elementwise(0));
        table.alike(
                "Dropout",
                "ratio seed",
                node -> node.opset() >= 7
                                && node.isFree(1)
                                && (!node.has(2) || node.kept(2).uniform().equals(OptionalDouble.of(0)))
                        ? node.elementwise(0)
                        : MIXED);
        // What is lowest is only low when it is whole numbers.
        table.alike(
                "QuantizeLinear DequantizeLinear",
                "axis block_size saturate output_dtype precision",
                node -> node.isFree(1) ? kept(node, quantized(node)) : MIXED);
    }

    private static Kept quantized(MixingNode node) {
        Kept from = node.kept(0);
        boolean zeroStays = from.axes().stream().allMatch(axis -> axis.padding().isZero())
                && (!node.has(2) || node.kept(2).uniform().equals(OptionalDouble.of(0)));
        return zeroStays ? from : dropped(from);
    }

    private static Kept dropped(Kept from) {
        return Kept.held(
                from.axes().stream().map(axis -> axis.with(Padding.ANYTHING)).toList());
    }

    /** What it is, if it says as many as the operator's first output has. */
    private static Kept kept(MixingNode node, Kept kept) {
        return node.rank(0) == node.yields().size() ? kept : MIXED;
    }
}
