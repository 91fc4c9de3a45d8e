package io.modscan.onnx.internal.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.TensorInfo;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.safetensors.DType;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The element types of ONNX, by number. */
public final class OnnxTypes {

    private static final List<String> NAMES = List.of(
            "undefined",
            "float32",
            "uint8",
            "int8",
            "uint16",
            "int16",
            "int32",
            "int64",
            "string",
            "bool",
            "float16",
            "float64",
            "uint32",
            "uint64",
            "complex64",
            "complex128",
            "bfloat16",
            "float8e4m3fn",
            "float8e4m3fnuz",
            "float8e5m2",
            "float8e5m2fnuz",
            "uint4",
            "int4",
            "float4e2m1",
            "float8e8m0",
            "uint2",
            "int2");

    /** Bits of an element; 0 where a tensor's bytes can't be told from its shape. */
    private static final List<Integer> BITS =
            List.of(0, 32, 8, 8, 16, 16, 32, 64, 0, 8, 16, 64, 32, 64, 64, 128, 16, 8, 8, 8, 8, 4, 4, 4, 8, 2, 2);

    private static final Map<DType, DataType> STORED = Map.of(
            DType.F64, DataType.DOUBLE,
            DType.F32, DataType.FLOAT,
            DType.F16, DataType.FLOAT16,
            DType.BF16, DataType.BFLOAT16,
            DType.I64, DataType.INT64,
            DType.I32, DataType.INT32,
            DType.BOOL, DataType.BOOL);

    public static final int FLOAT = TensorProto.DataType.FLOAT.getNumber();
    public static final int INT64 = TensorProto.DataType.INT64.getNumber();

    private OnnxTypes() {}

    public static String name(int type) {
        return type >= 0 && type < NAMES.size() ? NAMES.get(type) : "type " + type;
    }

    /** The name of a type of ONNX Runtime's, which counts types in another order than ONNX. */
    public static String name(TensorInfo.OnnxTensorType type) {
        String name = type.name().replace("ONNX_TENSOR_ELEMENT_DATA_TYPE_", "").toLowerCase(Locale.ROOT);
        return switch (name) {
            case "float" -> "float32";
            case "double" -> "float64";
            default -> name;
        };
    }

    /** The type that ONNX Runtime's Java has for ONNX's number. */
    public static OnnxJavaType javaType(int type) {
        return switch (type) {
            case TensorProto.DataType.FLOAT_VALUE -> OnnxJavaType.FLOAT;
            case TensorProto.DataType.DOUBLE_VALUE -> OnnxJavaType.DOUBLE;
            case TensorProto.DataType.FLOAT16_VALUE -> OnnxJavaType.FLOAT16;
            case TensorProto.DataType.BFLOAT16_VALUE -> OnnxJavaType.BFLOAT16;
            case TensorProto.DataType.INT8_VALUE -> OnnxJavaType.INT8;
            case TensorProto.DataType.UINT8_VALUE -> OnnxJavaType.UINT8;
            case TensorProto.DataType.INT16_VALUE -> OnnxJavaType.INT16;
            case TensorProto.DataType.INT32_VALUE -> OnnxJavaType.INT32;
            case TensorProto.DataType.INT64_VALUE -> OnnxJavaType.INT64;
            case TensorProto.DataType.BOOL_VALUE -> OnnxJavaType.BOOL;
            default ->
                throw new UnsupportedModelException("an input of type " + name(type) + " can't be given from Java");
        };
    }

    public static int number(String name) {
        return NAMES.indexOf(name);
    }

    public static int number(DType type) {
        DataType onnx = STORED.get(type);
        if (onnx == null) {
            throw new IllegalStateException("no ONNX type for " + type);
        }
        return onnx.getNumber();
    }

    /** The type of a checkpoint's tensor that ONNX's number stands for. */
    public static Optional<DType> stored(int type) {
        return STORED.entrySet().stream()
                .filter(known -> known.getValue().getNumber() == type)
                .map(Map.Entry::getKey)
                .findFirst();
    }

    /** Checks that a tensor that holds its values itself has as many as its shape says. */
    public static void checkValues(Path path, TensorProto tensor, long bytes) {
        String where = "tensor '" + tensor.getName() + "' of shape " + tensor.getDimsList();
        if (!tensor.getRawData().isEmpty()) {
            if (tensor.getRawData().size() != bytes) {
                throw new MalformedFileException(
                        path, where + " has " + tensor.getRawData().size() + " bytes, not " + bytes);
            }
            return;
        }
        // What is smaller than a byte is packed, each such type in its own way.
        if (BITS.get(tensor.getDataType()) % Byte.SIZE != 0) {
            return;
        }
        int parts = 1;
        int count;
        switch (tensor.getDataType()) {
            case DataType.FLOAT_VALUE -> count = tensor.getFloatDataCount();
            case DataType.DOUBLE_VALUE -> count = tensor.getDoubleDataCount();
            case DataType.COMPLEX64_VALUE -> {
                parts = 2;
                count = tensor.getFloatDataCount();
            }
            case DataType.COMPLEX128_VALUE -> {
                parts = 2;
                count = tensor.getDoubleDataCount();
            }
            case DataType.INT64_VALUE -> count = tensor.getInt64DataCount();
            case DataType.UINT32_VALUE, DataType.UINT64_VALUE -> count = tensor.getUint64DataCount();
            case DataType.STRING_VALUE -> count = tensor.getStringDataCount();
            default -> count = tensor.getInt32DataCount();
        }
        long elements = tensor.getDimsList().stream().reduce(1L, (a, b) -> a * b);
        if (count % parts != 0 || count / parts != elements) {
            throw new MalformedFileException(path, where + " has " + count / parts + " values, not " + elements);
        }
    }

    /** The bytes that a tensor's values take. */
    public static long bytes(Path path, TensorProto tensor) {
        String where = "tensor '" + tensor.getName() + "' of shape " + tensor.getDimsList();
        int type = tensor.getDataType();
        if (type <= 0 || type >= BITS.size()) {
            throw new UnsupportedModelException(path + ": " + where + " is of the unknown " + name(type));
        }
        try {
            long elements = 1;
            for (long dim : tensor.getDimsList()) {
                if (dim < 0) {
                    throw new MalformedFileException(path, where + " has a negative dimension");
                }
                elements = Math.multiplyExact(elements, dim);
            }
            return Math.addExact(Math.multiplyExact(elements, (long) BITS.get(type)), Byte.SIZE - 1) / Byte.SIZE;
        } catch (ArithmeticException e) {
            throw new MalformedFileException(path, where + " would have more bytes than 64 bits count", e);
        }
    }
}
