package io.modscan.core.safetensors;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What lies where in a safetensors file, known before a byte of its data is. Tensors are laid out by falling element size,
 * then by name, so each is aligned to its elements. Immutable.
 */
public final class SafetensorsLayout {

    private final byte[] header;
    private final Map<String, Long> offsets;
    private final long size;

    private SafetensorsLayout(byte[] header, Map<String, Long> offsets, long size) {
        this.header = header;
        this.offsets = offsets;
        this.size = size;
    }

    /**
     * Begins a layout.
     *
     * @return a layout to be, of no tensors
     */
    public static Builder builder() {
        return new Builder();
    }

    private record Declared(String name, DType dtype, List<Long> shape) {}

    /** Gathers tensors and metadata. Not safe for use by several threads. */
    public static final class Builder {
        private final Map<String, Declared> tensors = new LinkedHashMap<>();
        private final Map<String, String> metadata = new LinkedHashMap<>();

        private Builder() {}

        /**
         * Adds an entry to the header's metadata.
         *
         * @param key   the key
         * @param value the value
         * @return this
         */
        public Builder metadata(String key, String value) {
            metadata.put(key, value);
            return this;
        }

        /**
         * Adds a tensor.
         *
         * @param name  its name
         * @param dtype the type of its elements
         * @param shape its dimensions
         * @return this
         * @throws IllegalArgumentException if the name is taken or reserved, or the shape is impossible
         */
        public Builder add(String name, DType dtype, List<Long> shape) {
            StoredTensor.byteLength(name, dtype, shape);
            if (name.equals("__metadata__")
                    || tensors.putIfAbsent(name, new Declared(name, dtype, List.copyOf(shape))) != null) {
                throw new IllegalArgumentException("the tensor name '" + name + "' is taken");
            }
            return this;
        }

        /**
         * Lays the tensors out.
         *
         * @param target the file that it is for, to be named in what is thrown
         * @return the layout
         * @throws ModscanException if the header would be larger than the format allows
         */
        public SafetensorsLayout build(Path target) {
            List<Declared> ordered = new ArrayList<>(tensors.values());
            ordered.sort(
                    Comparator.comparingInt((Declared t) -> -t.dtype().bytes()).thenComparing(Declared::name));
            Map<String, Object> json = new LinkedHashMap<>();
            if (!metadata.isEmpty()) {
                json.put("__metadata__", metadata);
            }
            Map<String, Long> begins = new LinkedHashMap<>();
            long end = 0;
            for (Declared tensor : ordered) {
                long begin = end;
                end = Math.addExact(begin, StoredTensor.byteLength(tensor.dtype(), tensor.shape()));
                Map<String, Object> entry =
                        new LinkedHashMap<>(); // in one order, so that equal tensors give equal files
                entry.put("dtype", tensor.dtype().name());
                entry.put("shape", tensor.shape());
                entry.put("data_offsets", List.of(begin, end));
                json.put(tensor.name(), entry);
                begins.put(tensor.name(), begin);
            }
            byte[] header = header(target, json);
            begins.replaceAll((name, begin) -> header.length + begin);
            return new SafetensorsLayout(header, begins, Math.addExact(header.length, end));
        }

        private static byte[] header(Path target, Map<String, Object> json) {
            byte[] bytes;
            try {
                bytes = JSON.std.asBytes(json);
            } catch (IOException e) {
                throw new UncheckedIOException(target + ": its header cannot be written as JSON", e);
            }
            int padded = Math.addExact(bytes.length, 7) & ~7;
            if (padded > SafetensorsFile.MAX_HEADER) {
                throw new ModscanException(
                        target + ": not written: the names, shapes and metadata would take a header of " + padded
                                + " bytes and the format allows " + SafetensorsFile.MAX_HEADER
                                + "; write fewer tensors or less metadata to a file");
            }
            ByteBuffer buffer =
                    ByteBuffer.allocate(Math.addExact(Long.BYTES, padded)).order(ByteOrder.LITTLE_ENDIAN);
            buffer.putLong(padded).put(bytes);
            while (buffer.hasRemaining()) {
                buffer.put((byte) ' ');
            }
            return buffer.array();
        }
    }

    /**
     * What the file begins with: the header's length and the header.
     *
     * @return the bytes, read-only, from position 0
     */
    public ByteBuffer header() {
        return ByteBuffer.wrap(header).asReadOnlyBuffer();
    }

    /**
     * Where the tensors lie.
     *
     * @return name to the position of the first byte, from the file's beginning; in the file's order
     */
    public Map<String, Long> offsets() {
        return Collections.unmodifiableMap(offsets);
    }

    /**
     * The size of the file.
     *
     * @return bytes
     */
    public long size() {
        return size;
    }
}
