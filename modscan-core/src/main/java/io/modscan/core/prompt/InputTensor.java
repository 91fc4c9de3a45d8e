package io.modscan.core.prompt;

import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One ready input of a model, such as an image's pixels: the tensor of one sample, without the batch axis. Its values are
 * copied when it is made and lie outside Java's heap, in one stretch of less than 2 GiB. Immutable.
 */
public final class InputTensor {

    private final DType type;
    private final List<Long> shape;
    private final ByteBuffer data;

    private InputTensor(DType type, long[] shape, long values, Consumer<ByteBuffer> filler) {
        this.type = type;
        this.shape = Arrays.stream(shape).boxed().toList();
        long bytes = StoredTensor.byteLength(type, this.shape);
        if (bytes != Math.multiplyExact(values, type.bytes())) {
            throw new IllegalArgumentException(
                    "the shape " + this.shape + " has " + bytes / type.bytes() + " values; given are " + values);
        }
        if (bytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("an input tensor of the shape " + this.shape + " takes " + bytes
                    + " bytes; at most " + Integer.MAX_VALUE + " are possible");
        }
        this.data = allocate((int) bytes);
        filler.accept(data.duplicate().order(ByteOrder.nativeOrder()));
    }

    private static ByteBuffer allocate(int bytes) {
        try {
            return ByteBuffer.allocateDirect(bytes);
        } catch (OutOfMemoryError e) {
            throw new ModscanException(
                    "Java has no room beside its heap for an input tensor of " + bytes + " bytes: hold fewer at a time"
                            + " (Prompt.ofTensors takes a supplier, too), or give Java more (-XX:MaxDirectMemorySize, which is as"
                            + " much as -Xmx unless set)",
                    e);
        }
    }

    /**
     * A tensor of type {@link DType#F32}.
     *
     * @param values the values, the last axis varying fastest; they are copied
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension
     */
    public static InputTensor of(float[] values, long... shape) {
        return new InputTensor(
                DType.F32, shape, values.length, data -> data.asFloatBuffer().put(values));
    }

    /**
     * A tensor of type {@link DType#F64}.
     *
     * @param values the values, the last axis varying fastest; they are copied
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension
     */
    public static InputTensor of(double[] values, long... shape) {
        return new InputTensor(
                DType.F64, shape, values.length, data -> data.asDoubleBuffer().put(values));
    }

    /**
     * A tensor of type {@link DType#I64}.
     *
     * @param values the values, the last axis varying fastest; they are copied
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension
     */
    public static InputTensor of(long[] values, long... shape) {
        return new InputTensor(
                DType.I64, shape, values.length, data -> data.asLongBuffer().put(values));
    }

    /**
     * A tensor of type {@link DType#I32}.
     *
     * @param values the values, the last axis varying fastest; they are copied
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension
     */
    public static InputTensor of(int[] values, long... shape) {
        return new InputTensor(
                DType.I32, shape, values.length, data -> data.asIntBuffer().put(values));
    }

    /**
     * A tensor of a type of one byte.
     *
     * @param type   the type, of one byte a value, such as {@link DType#I8} or {@link DType#U8}
     * @param values the values, the last axis varying fastest; they are copied
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the type takes more than one byte, the shape has another number of values, or a
     *                                  negative dimension
     */
    public static InputTensor of(DType type, byte[] values, long... shape) {
        if (type.bytes() != 1) {
            throw new IllegalArgumentException("a byte is no value of type " + type + ", which takes " + type.bytes()
                    + "; give a buffer of its bytes");
        }
        return new InputTensor(type, shape, values.length, data -> data.put(values));
    }

    /**
     * A tensor of type {@link DType#BOOL}.
     *
     * @param values the values, the last axis varying fastest; they are copied
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension
     */
    public static InputTensor of(boolean[] values, long... shape) {
        return new InputTensor(DType.BOOL, shape, values.length, data -> {
            for (boolean value : values) {
                data.put((byte) (value ? 1 : 0));
            }
        });
    }

    /**
     * A tensor of type {@link DType#F32}.
     *
     * @param values what remains in this buffer is copied, the last axis varying fastest; its position stays
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension
     */
    public static InputTensor of(FloatBuffer values, long... shape) {
        return new InputTensor(
                DType.F32,
                shape,
                values.remaining(),
                data -> data.asFloatBuffer().put(values.duplicate()));
    }

    /**
     * A tensor of type {@link DType#I64}.
     *
     * @param values what remains in this buffer is copied, the last axis varying fastest; its position stays
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension
     */
    public static InputTensor of(LongBuffer values, long... shape) {
        return new InputTensor(
                DType.I64,
                shape,
                values.remaining(),
                data -> data.asLongBuffer().put(values.duplicate()));
    }

    /**
     * A tensor of type {@link DType#I32}.
     *
     * @param values what remains in this buffer is copied, the last axis varying fastest; its position stays
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension
     */
    public static InputTensor of(IntBuffer values, long... shape) {
        return new InputTensor(
                DType.I32, shape, values.remaining(), data -> data.asIntBuffer().put(values.duplicate()));
    }

    /**
     * A tensor of any type, such as {@link DType#F16}.
     *
     * @param type   the type
     * @param values the values' bytes: what remains in this buffer is copied, the last axis varying fastest; its position
     *               stays. Values of several bytes are in the buffer's own {@linkplain ByteBuffer#order() byte order}
     * @param shape  the shape of one sample; none for a single value
     * @return the tensor
     * @throws IllegalArgumentException if the shape has another number of values, or a negative dimension, or if the bytes
     *                                  are no whole number of values
     */
    public static InputTensor of(DType type, ByteBuffer values, long... shape) {
        int size = type.bytes();
        if (values.remaining() % size != 0) {
            throw new IllegalArgumentException("given are " + values.remaining() + " bytes; a value of type " + type
                    + " takes " + size + ", so they are no whole number of values");
        }
        boolean reversed = size > 1 && values.order() != ByteOrder.nativeOrder();
        return new InputTensor(type, shape, values.remaining() / size, data -> {
            data.put(values.duplicate());
            if (reversed) {
                reverse(data, size);
            }
        });
    }

    private static void reverse(ByteBuffer data, int size) {
        for (int value = 0; value < data.capacity(); value += size) {
            for (int low = value, high = value + size - 1; low < high; low++, high--) {
                byte kept = data.get(low);
                data.put(low, data.get(high));
                data.put(high, kept);
            }
        }
    }

    /**
     * The type of the values.
     *
     * @return the type
     */
    public DType type() {
        return type;
    }

    /**
     * The shape of the sample, without a batch axis.
     *
     * @return the dimensions; empty for a single value
     */
    public List<Long> shape() {
        return shape;
    }

    /**
     * The values.
     *
     * @return a new view of all bytes from position 0, the last axis varying fastest: direct, read-only, in native byte order
     */
    public ByteBuffer data() {
        return data.asReadOnlyBuffer().order(ByteOrder.nativeOrder());
    }

    @Override
    public boolean equals(@Nullable Object o) {
        return o == this
                || (o instanceof InputTensor other
                        && type == other.type
                        && shape.equals(other.shape)
                        && data.equals(other.data));
    }

    @Override
    public int hashCode() {
        return 31 * (31 * type.hashCode() + shape.hashCode()) + data.hashCode();
    }

    /** Tells type and shape, such as {@code float32 [3, 224, 224]}. */
    @Override
    public String toString() {
        String name = switch (type) {
            case F64 -> "float64";
            case F32 -> "float32";
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            case F8_E4M3 -> "float8_e4m3";
            case F8_E5M2 -> "float8_e5m2";
            case U64 -> "uint64";
            case U32 -> "uint32";
            case U16 -> "uint16";
            case U8 -> "uint8";
            case I64 -> "int64";
            case I32 -> "int32";
            case I16 -> "int16";
            case I8 -> "int8";
            case BOOL -> "bool";
        };
        return name + " " + shape;
    }
}
