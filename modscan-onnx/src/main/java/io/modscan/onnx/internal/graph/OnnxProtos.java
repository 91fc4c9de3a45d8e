package io.modscan.onnx.internal.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.WireFormat;
import io.modscan.core.safetensors.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Pieces of ONNX's messages, made and taken apart. */
public final class OnnxProtos {

    private OnnxProtos() {}

    public static AttributeProto attribute(String name, long value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.INT)
                .setI(value)
                .build();
    }

    public static AttributeProto attribute(String name, float value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.FLOAT)
                .setF(value)
                .build();
    }

    public static AttributeProto attribute(String name, long... values) {
        AttributeProto.Builder attribute =
                AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
        for (long value : values) {
            attribute.addInts(value);
        }
        return attribute.build();
    }

    /** The type that a Cast casts to. */
    public static AttributeProto to(DType type) {
        return attribute("to", OnnxTypes.number(type));
    }

    /** Whether an axis has a name of its own: it is neither a number nor {@code ?}. */
    public static boolean isSymbol(String axis) {
        return !axis.isEmpty() && !Character.isDigit(axis.charAt(0)) && !axis.equals("?");
    }

    /**
     * An input or output.
     *
     * @param type ONNX's number
     * @param axes each a number or a symbol
     */
    public static ValueInfoProto valueInfo(String name, int type, List<String> axes) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (String axis : axes) {
            if (isSymbol(axis)) {
                shape.addDimBuilder().setDimParam(axis);
            } else {
                shape.addDimBuilder().setDimValue(Long.parseLong(axis));
            }
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(
                                TypeProto.Tensor.newBuilder().setElemType(type).setShape(shape)))
                .build();
    }

    /** Makes of a tensor one whose bytes lie in a file. */
    public static TensorProto.Builder external(TensorProto.Builder tensor, String location, long offset, long length) {
        tensor.clearExternalData().setDataLocation(TensorProto.DataLocation.EXTERNAL);
        Map<String, String> entries = new LinkedHashMap<>();
        entries.put("location", location);
        entries.put("offset", Long.toString(offset));
        entries.put("length", Long.toString(length));
        entries.forEach((key, value) -> tensor.addExternalData(
                StringStringEntryProto.newBuilder().setKey(key).setValue(value)));
        return tensor;
    }

    /** What a tensor says of where its bytes lie. */
    public static Map<String, String> externalData(TensorProto tensor) {
        return tensor.getExternalDataList().stream()
                .collect(Collectors.toMap(
                        StringStringEntryProto::getKey, StringStringEntryProto::getValue, (first, second) -> second));
    }

    /** How a field that is a text, a message or a packed list is marked in a file. */
    public static int lengthDelimited(int field) {
        return (field << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED;
    }
}
