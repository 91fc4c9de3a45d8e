package io.modscan.onnx.internal.graph;

import io.modscan.core.safetensors.StoredTensor;
import java.nio.file.Path;

/**
 * Where an initializer lies.
 *
 * @param name   the initializer's
 * @param file   links followed
 * @param offset of its first byte
 * @param length in bytes
 */
public record WeightBytes(String name, Path file, long offset, long length) {

    /** A tensor of a checkpoint. */
    public static WeightBytes of(StoredTensor tensor) {
        return new WeightBytes(tensor.name(), tensor.file(), tensor.offset(), tensor.length());
    }
}
