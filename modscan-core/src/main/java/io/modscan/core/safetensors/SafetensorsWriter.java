package io.modscan.core.safetensors;

import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Collects tensors and writes them as one safetensors file, which appears whole or not at all: it is written aside and
 * moved into place, laid out as a {@link SafetensorsLayout}. Not safe for use by several threads.
 */
public final class SafetensorsWriter {

    private record Content(long length, TensorData data) {}

    private final SafetensorsLayout.Builder layout = SafetensorsLayout.builder();
    private final Map<String, Content> contents = new HashMap<>();

    /** An empty file to be. */
    public SafetensorsWriter() {}

    /** Writes the bytes of one tensor. */
    @FunctionalInterface
    public interface TensorData {
        /**
         * Writes all bytes of the tensor, little-endian, row by row.
         *
         * @param channel where to
         * @throws IOException if writing fails
         */
        void writeTo(WritableByteChannel channel) throws IOException;
    }

    /**
     * Adds an entry to the header's metadata.
     *
     * @param key   the key
     * @param value the value
     * @return this
     */
    public SafetensorsWriter metadata(String key, String value) {
        layout.metadata(key, value);
        return this;
    }

    /**
     * Adds a tensor.
     *
     * @param name  its name
     * @param dtype the type of its elements
     * @param shape its dimensions
     * @param data  writes its bytes when the file is written
     * @return this
     * @throws IllegalArgumentException if the name is taken or reserved, or the shape is impossible
     */
    public SafetensorsWriter add(String name, DType dtype, List<Long> shape, TensorData data) {
        layout.add(name, dtype, shape);
        contents.put(name, new Content(StoredTensor.byteLength(dtype, shape), data));
        return this;
    }

    /**
     * Writes the file.
     *
     * @param target where to; an existing file is replaced
     * @throws UncheckedIOException  if writing fails; then the target is as it was
     * @throws ModscanException      if the header would be larger than the format allows
     * @throws IllegalStateException if a tensor's data are not as many bytes as its shape takes; then too the target is as
     *                               it was
     */
    public void write(Path target) {
        SafetensorsLayout laidOut = layout.build(target);
        WholeFile.write(target, aside -> {
            try (FileChannel channel =
                    FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                writeFully(channel, laidOut.header());
                for (String name : laidOut.offsets().keySet()) {
                    Content content = Objects.requireNonNull(contents.get(name));
                    long before = channel.position();
                    content.data().writeTo(channel);
                    long written = channel.position() - before;
                    if (written != content.length()) {
                        throw new IllegalStateException("tensor '" + name + "' wrote " + written
                                + " bytes; its shape takes " + content.length());
                    }
                }
                channel.force(true);
            }
        });
    }

    private static void writeFully(WritableByteChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
