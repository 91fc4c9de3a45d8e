package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.function.IntUnaryOperator;

/** Reads the values of stored tensors as float32, from any floating-point type of 16 to 64 bits. */
public final class StoredFloats {

    /** Bytes read at a time; a multiple of every element's size. */
    private static final int CHUNK = 1 << 18;

    /** What a Java array holds at most. */
    private static final int MOST = Integer.MAX_VALUE - 8;

    private StoredFloats() {}

    /**
     * Reads a tensor into an order of its own.
     *
     * @param place gives for an element's index as stored its index in the array; one to one
     */
    public static float[] read(StoredTensor tensor, IntUnaryOperator place) {
        DType type = tensor.dtype();
        float[] values = new float[size(tensor)];
        ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(tensor.file(), StandardOpenOption.READ)) {
            for (int i = 0; i < values.length; ) {
                fill(chunk, channel, tensor, (long) i * type.bytes());
                for (; chunk.hasRemaining(); i++) {
                    values[place.applyAsInt(i)] = next(type, chunk);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(tensor.file() + ": cannot be read: " + e, e);
        }
        return values;
    }

    private static int size(StoredTensor tensor) {
        return checkedSize(
                tensor.length() / tensor.dtype().bytes(), tensor.file() + ": tensor '" + tensor.name() + "'");
    }

    /** A number of values as the length of an array. */
    public static int checkedSize(long values, String what) {
        if (values > MOST) {
            throw new ModscanException(what + " has " + values + " values; an array holds at most " + MOST);
        }
        return (int) values;
    }

    private static void fill(ByteBuffer chunk, FileChannel channel, StoredTensor tensor, long from) throws IOException {
        chunk.clear().limit((int) Math.min(CHUNK, tensor.length() - from));
        while (chunk.hasRemaining()) {
            if (channel.read(chunk, tensor.offset() + from + chunk.position()) < 0) {
                throw new MalformedFileException(
                        tensor.file(),
                        "ends within the tensor '" + tensor.name() + "' (replaced since it was opened?)");
            }
        }
        chunk.flip();
    }

    private static float next(DType type, ByteBuffer bytes) {
        return switch (type) {
            case F64 -> (float) bytes.getDouble();
            case F32 -> bytes.getFloat();
            case F16 -> half(bytes.getShort());
            case BF16 -> Float.intBitsToFloat(bytes.getShort() << 16);
            default -> throw new IllegalArgumentException("weights are no " + type);
        };
    }

    /** IEEE 754 half precision: 1 bit of sign, 5 of exponent (bias 15), 10 of mantissa. */
    public static float half(short bits) {
        int exponent = (bits >>> 10) & 0x1f;
        int mantissa = bits & 0x3ff;
        float magnitude;
        if (exponent == 0) {
            magnitude = mantissa * 0x1p-24f;
        } else {
            int wide = exponent == 0x1f ? 0xff : exponent - 15 + 127;
            magnitude = Float.intBitsToFloat((wide << 23) | (mantissa << 13));
        }
        return bits < 0 ? -magnitude : magnitude;
    }
}
