package io.modscan.core.safetensors;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.BoundedJson;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file whose header has been read and checked: every tensor lies inside the file, none overlaps
 * another, and together they fill the data section, as the format demands
 * (<a href="https://huggingface.co/docs/safetensors">safetensors</a>). Nothing native is held; immutable.
 */
public final class SafetensorsFile {

    /** The format's own limit on the header, which keeps a hostile length from being allocated. */
    static final int MAX_HEADER = 100_000_000;

    /** The letters "version ", with which a Git LFS pointer begins, read as a header length. */
    private static final long LFS_POINTER = 0x206e_6f69_7372_6576L;

    private final Path path;
    private final Map<String, StoredTensor> tensors;
    private final Map<String, String> metadata;

    private SafetensorsFile(Path path, Map<String, StoredTensor> tensors, Map<String, String> metadata) {
        this.path = path;
        this.tensors = Collections.unmodifiableMap(tensors);
        this.metadata = Collections.unmodifiableMap(metadata);
    }

    /**
     * Reads the header of a file.
     *
     * @param path the file
     * @return its tensors and metadata
     * @throws MalformedFileException if the header is not a safetensors header, or an offset, length or shape in it
     *                                does not fit the file
     * @throws ModscanException       if the header takes more than a third of Java's heap
     * @throws UncheckedIOException   if the file cannot be read
     */
    public static SafetensorsFile open(Path path) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return open(path, channel);
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be read: " + e, e);
        }
    }

    /**
     * Reads the header of a file whose bytes come from elsewhere, such as a part of one that is still to be fetched. It is
     * checked against the channel's size, as a file is against its own; no byte behind the header is read.
     *
     * @param path    the file that the bytes are, or will be, those of; it need not be there until it is mapped
     * @param channel gives the bytes; its position is moved, and it is not closed
     * @return its tensors and metadata
     * @throws MalformedFileException as {@link #open(Path)} throws
     * @throws ModscanException       as {@link #open(Path)} throws
     * @throws UncheckedIOException   if the channel cannot be read
     */
    public static SafetensorsFile open(Path path, SeekableByteChannel channel) {
        try {
            long size = channel.size();
            if (size < 8) {
                throw new MalformedFileException(
                        path, "has " + size + " bytes; a safetensors file begins with the 8 bytes of a header length");
            }
            ByteBuffer prefix = read(channel, 0, 8, path);
            long headerLength = prefix.getLong();
            if (headerLength == LFS_POINTER) {
                throw new MalformedFileException(
                        path, "is a Git LFS pointer, not the weights; fetch them with git lfs pull");
            }
            if (headerLength < 2 || headerLength > MAX_HEADER || headerLength > size - 8) {
                throw new MalformedFileException(
                        path,
                        "header length " + Long.toUnsignedString(headerLength) + " is out of range; the file has "
                                + size
                                + " bytes and a header at most " + MAX_HEADER
                                + (headerLength > size - 8 ? " (truncated, or not safetensors?)" : ""));
            }
            if (headerLength > Runtime.getRuntime().maxMemory() / 4) {
                throw new ModscanException(path + ": its header of " + headerLength
                        + " bytes is too long for Java's heap; give it more (-Xmx)");
            }
            byte[] header = read(channel, 8, (int) headerLength, path).array();
            return parse(path, header, 8 + headerLength, size);
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be read: " + e, e);
        }
    }

    private static SafetensorsFile parse(Path path, byte[] header, long dataStart, long size) throws IOException {
        Map<String, Object> json = json(path, header);
        Map<String, String> metadata = new LinkedHashMap<>();
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<String, Object> entry : json.entrySet()) {
            boolean isMetadata = entry.getKey().equals("__metadata__");
            if (isMetadata && entry.getValue() == null) {
                // As the format's own library reads it: there are none.
                continue;
            }
            if (!(entry.getValue() instanceof Map<?, ?> value)) {
                throw new MalformedFileException(path, "header entry '" + entry.getKey() + "' is not a JSON object");
            }
            if (isMetadata) {
                value.forEach((k, v) -> metadata.put(String.valueOf(k), text(path, k, v)));
            } else {
                tensors.put(entry.getKey(), tensor(path, entry.getKey(), value, dataStart, size));
            }
        }
        List<StoredTensor> byOffset = new ArrayList<>(tensors.values());
        byOffset.sort(Comparator.comparingLong(StoredTensor::offset).thenComparingLong(StoredTensor::length));
        long end = dataStart;
        for (StoredTensor tensor : byOffset) {
            if (tensor.offset() != end) {
                throw new MalformedFileException(
                        path,
                        "tensor '" + tensor.name() + "' begins at data offset " + (tensor.offset() - dataStart)
                                + (tensor.offset() < end ? ", inside its predecessor" : ", after a gap")
                                + "; the previous tensor ends at " + (end - dataStart));
            }
            end = tensor.offset() + tensor.length();
        }
        if (end != size) {
            throw new MalformedFileException(
                    path,
                    "has " + (size - end) + " bytes that belong to no tensor after data offset " + (end - dataStart));
        }
        return new SafetensorsFile(path, tensors, metadata);
    }

    private static String text(Path path, Object key, @Nullable Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw new MalformedFileException(
                path, "header entry '__metadata__' has '" + key + "': " + value + "; its values must be strings");
    }

    private static Map<String, Object> json(Path path, byte[] header) {
        Reader text = new InputStreamReader(new ByteArrayInputStream(header), StandardCharsets.UTF_8.newDecoder());
        return BoundedJson.object(path, "header", text, true);
    }

    private static StoredTensor tensor(Path path, String name, Map<?, ?> entry, long dataStart, long size) {
        String where = "tensor '" + name + "'";
        DType dtype;
        try {
            dtype = DType.valueOf(String.valueOf(entry.get("dtype")));
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(
                    path, where + " has the dtype " + entry.get("dtype") + "; known are " + List.of(DType.values()), e);
        }
        List<Long> shape = longs(path, where + " shape", entry.get("shape"));
        List<Long> offsets = longs(path, where + " data_offsets", entry.get("data_offsets"));
        if (offsets.size() != 2
                || offsets.get(0) < 0
                || offsets.get(1) < offsets.get(0)
                || offsets.get(1) > size - dataStart) {
            throw new MalformedFileException(
                    path,
                    where + " has data_offsets " + offsets + "; they must be [begin, end] within the "
                            + (size - dataStart) + " bytes of data that the file has (truncated?)");
        }
        try {
            return new StoredTensor(
                    name, dtype, shape, path, dataStart + offsets.get(0), offsets.get(1) - offsets.get(0));
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(path, String.valueOf(e.getMessage()), e);
        }
    }

    private static List<Long> longs(Path path, String where, @Nullable Object value) {
        if (!(value instanceof List<?> list)) {
            throw new MalformedFileException(path, where + " is " + value + ", not a list of integers");
        }
        List<Long> result = new ArrayList<>(list.size());
        for (Object item : list) {
            if (!(item instanceof Integer || item instanceof Long)) {
                throw new MalformedFileException(path, where + " holds " + item + ", not an integer of 64 bits");
            }
            result.add(((Number) item).longValue());
        }
        return result;
    }

    private static ByteBuffer read(SeekableByteChannel channel, long position, int length, Path path)
            throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        channel.position(position);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                throw new MalformedFileException(path, "ends inside its header");
            }
        }
        return buffer.flip();
    }

    /**
     * The file that was opened.
     *
     * @return its path, as given
     */
    public Path path() {
        return path;
    }

    /**
     * The tensors.
     *
     * @return name to tensor, in the order of the header; unmodifiable
     */
    public Map<String, StoredTensor> tensors() {
        return tensors;
    }

    /**
     * The free-form metadata of the header.
     *
     * @return key to value; unmodifiable; empty where there are none
     */
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * Maps a tensor's bytes.
     *
     * @param name the tensor
     * @return a read-only little-endian view of its bytes, backed by the file
     * @throws ModscanException     if there is no such tensor, or if it is larger than one mapping can be (2 GiB)
     * @throws UncheckedIOException if the file cannot be read
     */
    public ByteBuffer map(String name) {
        StoredTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new ModscanException(path + ": has no tensor '" + name + "'; it has " + tensors.keySet());
        }
        if (tensor.length() > Integer.MAX_VALUE) {
            throw new ModscanException(path + ": tensor '" + name + "' has " + tensor.length()
                    + " bytes; one mapping holds at most " + Integer.MAX_VALUE);
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, tensor.offset(), tensor.length())
                    .order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be mapped: " + e, e);
        }
    }
}
