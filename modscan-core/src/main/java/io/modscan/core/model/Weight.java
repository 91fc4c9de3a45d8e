package io.modscan.core.model;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Objects;

/**
 * One of a model's weights: a vector, a matrix, or a matrix for each head, in float32. Immutable, as long as the array that
 * it was made of is left alone; safe for use by many threads.
 */
public final class Weight {

    private final String name;
    private final List<Integer> shape;
    private final float[] values;
    private final int offset;
    private final int size;

    private Weight(String name, List<Integer> shape, float[] values, int offset, int size) {
        this.name = name;
        this.shape = shape;
        this.values = values;
        this.offset = offset;
        this.size = size;
    }

    /**
     * A weight of given values.
     *
     * @param name   its name, such as {@code blocks.0.attn.W_Q}
     * @param shape  its dimensions, each at least 1; at least one
     * @param values its values, the last dimension varying fastest; kept, not copied, so they must not be changed any more
     * @return the weight
     * @throws IllegalArgumentException if the values are not as many as the shape says
     */
    public static Weight of(String name, List<Integer> shape, float[] values) {
        Objects.requireNonNull(name, "name");
        List<Integer> dimensions = List.copyOf(shape);
        long size = dimensions.stream().mapToLong(Integer::longValue).reduce(1, Math::multiplyExact);
        if (dimensions.isEmpty() || dimensions.stream().anyMatch(length -> length < 1) || size != values.length) {
            throw new IllegalArgumentException(
                    name + " of shape " + dimensions + " is not made of " + values.length + " values");
        }
        return new Weight(name, dimensions, values, 0, values.length);
    }

    /**
     * The name.
     *
     * @return its TransformerLens name; that of a {@link #part} has the index behind it, {@code blocks.0.attn.W_Q[5]}
     */
    public String name() {
        return name;
    }

    /**
     * The dimensions.
     *
     * @return at least one, each at least 1
     */
    public List<Integer> shape() {
        return shape;
    }

    /**
     * The values.
     *
     * @return a read-only view from position 0 to its capacity, the last dimension varying fastest
     */
    public FloatBuffer values() {
        return FloatBuffer.wrap(values, offset, size).slice().asReadOnlyBuffer();
    }

    /**
     * What lies at one index of the first dimension: of a weight [heads, …] one head's matrix, of a matrix one row.
     *
     * @param index the index
     * @return a view on those values, without the first dimension
     * @throws IllegalStateException     if there is one dimension only
     * @throws IndexOutOfBoundsException if the first dimension is not that long
     */
    public Weight part(int index) {
        if (shape.size() < 2) {
            throw new IllegalStateException(name + " is a vector, " + shape + ", and has no parts");
        }
        int part = size / shape.get(0);
        Objects.checkIndex(index, shape.get(0));
        return new Weight(
                name + "[" + index + "]", shape.subList(1, shape.size()), values, offset + index * part, part);
    }

    @Override
    public String toString() {
        return "Weight[" + name + " " + shape + "]";
    }
}
