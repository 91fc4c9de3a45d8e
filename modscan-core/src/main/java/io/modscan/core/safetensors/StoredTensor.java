package io.modscan.core.safetensors;

import java.nio.file.Path;
import java.util.List;

/**
 * A tensor as it lies in a file: raw, little-endian, row by row.
 *
 * @param name   its name in the file
 * @param dtype  the type of its elements
 * @param shape  its dimensions, none negative; empty for a scalar
 * @param file   the file that holds its bytes
 * @param offset the position of its first byte, from the file's beginning
 * @param length the number of its bytes
 */
public record StoredTensor(String name, DType dtype, List<Long> shape, Path file, long offset, long length) {

    /**
     * Copies the shape.
     *
     * @param name   see above
     * @param dtype  see above
     * @param shape  see above
     * @param file   see above
     * @param offset see above
     * @param length see above
     * @throws IllegalArgumentException if a dimension, the offset or the length is negative, or if the length is not
     *                                  what dtype and shape call for
     */
    public StoredTensor {
        shape = List.copyOf(shape);
        if (offset < 0) {
            throw new IllegalArgumentException("tensor '" + name + "' begins at the negative offset " + offset);
        }
        long expected = byteLength(name, dtype, shape);
        if (length != expected) {
            throw new IllegalArgumentException("tensor '" + name + "' of type " + dtype + " and shape " + shape
                    + " takes " + expected + " bytes, not " + length);
        }
    }

    /** As {@link #byteLength(DType, List)}, with the tensor's name in the message of what it throws. */
    static long byteLength(String name, DType dtype, List<Long> shape) {
        try {
            return byteLength(dtype, shape);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("tensor '" + name + "': " + e.getMessage(), e);
        }
    }

    /**
     * The number of bytes that a tensor of a type and shape takes.
     *
     * @param dtype the type of the elements
     * @param shape the dimensions
     * @return the bytes
     * @throws IllegalArgumentException if a dimension is negative or the product overflows 64 bits
     */
    public static long byteLength(DType dtype, List<Long> shape) {
        long bytes = dtype.bytes();
        try {
            for (long dimension : shape) {
                if (dimension < 0) {
                    throw new IllegalArgumentException("shape " + shape + " has a negative dimension");
                }
                bytes = Math.multiplyExact(bytes, dimension);
            }
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("shape " + shape + " is larger than any file can be", e);
        }
        return bytes;
    }
}
