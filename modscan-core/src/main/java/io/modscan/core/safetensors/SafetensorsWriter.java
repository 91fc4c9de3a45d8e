package io.modscan.core.safetensors;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects tensors and writes them as one safetensors file, which appears whole or not at all: it is written aside and
 * moved into place. Tensors are laid out by falling element size, then by name, so each is aligned to its elements.
 * Not safe for use by several threads.
 */
public final class SafetensorsWriter {

    private record Pending(String name, DType dtype, List<Long> shape, TensorData data) {}

    private final Map<String, Pending> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

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
        metadata.put(key, value);
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
        StoredTensor.byteLength(name, dtype, shape);
        if (name.equals("__metadata__")
                || tensors.putIfAbsent(name, new Pending(name, dtype, List.copyOf(shape), data)) != null) {
            throw new IllegalArgumentException("the tensor name '" + name + "' is taken");
        }
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
        List<Pending> ordered = new ArrayList<>(tensors.values());
        ordered.sort(Comparator.comparingInt((Pending t) -> -t.dtype().bytes()).thenComparing(Pending::name));
        Map<String, Object> header = new LinkedHashMap<>();
        if (!metadata.isEmpty()) {
            header.put("__metadata__", metadata);
        }
        long end = 0;
        for (Pending tensor : ordered) {
            long begin = end;
            end = Math.addExact(begin, StoredTensor.byteLength(tensor.dtype(), tensor.shape()));
            Map<String, Object> entry = new LinkedHashMap<>(); // in one order, so that equal tensors give equal files
            entry.put("dtype", tensor.dtype().name());
            entry.put("shape", tensor.shape());
            entry.put("data_offsets", List.of(begin, end));
            header.put(tensor.name(), entry);
        }
        WholeFile.write(target, aside -> {
            try (FileChannel channel =
                    FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                writeFully(channel, header(target, header));
                for (Pending tensor : ordered) {
                    long before = channel.position();
                    tensor.data().writeTo(channel);
                    long written = channel.position() - before;
                    long expected = StoredTensor.byteLength(tensor.dtype(), tensor.shape());
                    if (written != expected) {
                        throw new IllegalStateException("tensor '" + tensor.name() + "' wrote " + written
                                + " bytes; its shape takes " + expected);
                    }
                }
                channel.force(true);
            }
        });
    }

    private static ByteBuffer header(Path target, Map<String, Object> header) throws IOException {
        byte[] bytes = JSON.std.asBytes(header);
        int padded = Math.addExact(bytes.length, 7) & ~7;
        if (padded > SafetensorsFile.MAX_HEADER) {
            throw new ModscanException(target + ": not written: the names, shapes and metadata would take a header of "
                    + padded + " bytes and the format allows " + SafetensorsFile.MAX_HEADER
                    + "; write fewer tensors or less metadata to a file");
        }
        ByteBuffer buffer = ByteBuffer.allocate(Math.addExact(8, padded)).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(padded).put(bytes);
        while (buffer.hasRemaining()) {
            buffer.put((byte) ' ');
        }
        return buffer.flip();
    }

    private static void writeFully(WritableByteChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
