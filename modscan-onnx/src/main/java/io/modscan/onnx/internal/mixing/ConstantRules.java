package io.modscan.onnx.internal.mixing;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.DoubleUnaryOperator;

/** What small constants become: the axes and limits that exporters compute rather than write down. */
final class ConstantRules {

    /** What a constant has at most to be looked at. */
    private static final int SMALL = 64;

    private ConstantRules() {}

    static Kept of(String operator, NodeProto node, MixingNode seen) {
        if (operator.equals("Cast") && seen.kept(0).counts()) {
            return seen.kept(0);
        }
        return switch (operator) {
            case "Constant" ->
                node.getAttributeList().stream()
                        .findFirst()
                        .map(ConstantRules::constant)
                        .orElse(Kept.free());
            case "ConstantOfShape" -> Kept.free().filledWith(seen.constantOfShape());
            case "Identity", "Unsqueeze", "Squeeze", "Flatten" -> seen.kept(0);
            case "Reshape" -> seen.kept(0);
            case "Expand" -> Kept.free().filledWith(seen.kept(0).uniform());
            case "Cast" -> cast(seen);
            case "Neg" -> each(seen, 0, value -> -value);
            case "Concat" -> joined(seen);
            case "Gather" -> gathered(seen);
            default -> Kept.free();
        };
    }

    private static Kept constant(AttributeProto value) {
        return switch (value.getName()) {
            case "value" -> of(value.getT());
            case "value_int" -> Kept.constant(List.of((double) value.getI()));
            case "value_float" -> Kept.constant(List.of((double) value.getF()));
            case "value_ints" ->
                Kept.constant(
                        value.getIntsList().stream().map(Long::doubleValue).toList());
            case "value_floats" ->
                Kept.constant(
                        value.getFloatsList().stream().map(Float::doubleValue).toList());
            default -> Kept.free();
        };
    }

    private static Kept cast(MixingNode seen) {
        long to = seen.integer("to", 0);
        return switch ((int) to) {
            case 9 -> each(seen, 0, value -> value == 0 ? 0 : 1);
            case 2, 3, 4, 5, 6, 7, 12, 13 -> each(seen, 0, value -> (double) (long) value);
            default -> seen.kept(0);
        };
    }

    private static Kept each(MixingNode seen, int input, DoubleUnaryOperator to) {
        Kept of = seen.kept(input);
        Optional<List<Double>> values =
                of.values().map(all -> all.stream().map(to::applyAsDouble).toList());
        OptionalDouble uniform = of.uniform().isPresent()
                ? OptionalDouble.of(to.applyAsDouble(of.uniform().getAsDouble()))
                : OptionalDouble.empty();
        return values.map(Kept::constant).orElse(Kept.free()).filledWith(uniform);
    }

    private static Kept joined(MixingNode seen) {
        List<Double> all = new ArrayList<>();
        for (int input = 0; input < seen.inputs(); input++) {
            if (seen.kept(input).values().isEmpty() || seen.rank(input) != 1) {
                return Kept.free();
            }
            all.addAll(seen.kept(input).values().get());
        }
        return Kept.constant(all);
    }

    private static Kept gathered(MixingNode seen) {
        Optional<List<Double>> values = seen.kept(0).values();
        Optional<List<Long>> which = seen.integers(1);
        if (values.isEmpty() || which.isEmpty() || seen.rank(0) != 1) {
            return Kept.free();
        }
        int count = values.get().size();
        List<Double> taken = new ArrayList<>();
        for (long one : which.get()) {
            long at = one < 0 ? one + count : one;
            if (at < 0 || at >= count) {
                return Kept.free();
            }
            taken.add(values.get().get((int) at));
        }
        return Kept.constant(taken);
    }

    /** What a small tensor holds. */
    static Kept of(TensorProto tensor) {
        long count = tensor.getDimsList().stream().reduce(1L, (a, b) -> a * b);
        if (count > SMALL || tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
            return Kept.free();
        }
        List<Double> values = new ArrayList<>();
        tensor.getInt64DataList().forEach(value -> values.add((double) value));
        tensor.getFloatDataList().forEach(value -> values.add((double) value));
        values.addAll(tensor.getDoubleDataList());
        boolean whole = tensor.getDataType() == TensorProto.DataType.INT32_VALUE
                || tensor.getDataType() == TensorProto.DataType.INT8_VALUE
                || tensor.getDataType() == TensorProto.DataType.UINT8_VALUE
                || tensor.getDataType() == TensorProto.DataType.BOOL_VALUE;
        if (whole) {
            tensor.getInt32DataList().forEach(value -> values.add((double) value));
        }
        if (tensor.getDataType() == TensorProto.DataType.FLOAT16_VALUE) {
            tensor.getInt32DataList().forEach(value -> values.add(half(value.shortValue())));
        }
        ByteBuffer raw = tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        while (raw.hasRemaining()) {
            switch (tensor.getDataType()) {
                case TensorProto.DataType.INT64_VALUE -> values.add((double) raw.getLong());
                case TensorProto.DataType.INT32_VALUE -> values.add((double) raw.getInt());
                case TensorProto.DataType.FLOAT_VALUE -> values.add((double) raw.getFloat());
                case TensorProto.DataType.DOUBLE_VALUE -> values.add(raw.getDouble());
                case TensorProto.DataType.FLOAT16_VALUE -> values.add(half(raw.getShort()));
                case TensorProto.DataType.UINT8_VALUE -> values.add((double) (raw.get() & 0xFF));
                case TensorProto.DataType.BOOL_VALUE, TensorProto.DataType.INT8_VALUE -> values.add((double) raw.get());
                default -> {
                    return Kept.free();
                }
            }
        }
        return values.size() == count ? Kept.constant(values) : Kept.free();
    }

    private static double half(short bits) {
        int exponent = bits >> 10 & 0x1F;
        int fraction = bits & 0x3FF;
        double size = exponent == 0
                ? Math.scalb((double) fraction, -24)
                : exponent < 31
                        ? Math.scalb(1024.0 + fraction, exponent - 25)
                        : fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
        return bits < 0 ? -size : size;
    }
}
