package io.modscan.core.prompt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the tensor of a file of NumPy's ({@code numpy.save}), versions 1 to 3 of the format: numbers only, as objects would
 * be a pickle.
 */
final class NumpyFile {

    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

    /** Before the header: the magic, two bytes of version, and the header's length in two bytes or, since 2, four. */
    private static final int BEFORE = MAGIC.length + 2;

    private static final int LONGEST_HEADER = 1 << 16;

    private static final int MOST_AXES = 32;

    private static final Pattern DESCR = Pattern.compile("'descr'\\s*:\\s*'([<>|=])([A-Za-z])(\\d{1,3})'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([0-9,L\\s]{0,1000})\\)");

    private static final Map<String, DType> TYPES = Map.ofEntries(
            Map.entry("f8", DType.F64),
            Map.entry("f4", DType.F32),
            Map.entry("f2", DType.F16),
            Map.entry("i8", DType.I64),
            Map.entry("i4", DType.I32),
            Map.entry("i2", DType.I16),
            Map.entry("i1", DType.I8),
            Map.entry("u8", DType.U64),
            Map.entry("u4", DType.U32),
            Map.entry("u2", DType.U16),
            Map.entry("u1", DType.U8),
            Map.entry("b1", DType.BOOL));

    private NumpyFile() {}

    static InputTensor read(Path path) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer before = bytes(path, channel, 0, BEFORE + 2);
            byte[] magic = new byte[MAGIC.length];
            before.get(magic);
            int version = before.get();
            before.get();
            if (!Arrays.equals(magic, MAGIC) || version < 1 || version > 3) {
                throw new MalformedFileException(
                        path, "is no file of NumPy's: it does not begin as numpy.save has it, in version 1, 2 or 3");
            }
            int sizeBytes = version == 1 ? 2 : 4;
            long length = version == 1
                    ? Short.toUnsignedLong(before.getShort())
                    : Integer.toUnsignedLong(
                            bytes(path, channel, BEFORE, sizeBytes).getInt());
            if (length > LONGEST_HEADER) {
                throw new MalformedFileException(
                        path, "has a header of " + length + " bytes; at most " + LONGEST_HEADER + " are read");
            }
            ByteBuffer header = bytes(path, channel, BEFORE + sizeBytes, (int) length);
            return tensor(path, channel, StandardCharsets.UTF_8.decode(header).toString(), BEFORE + sizeBytes + length);
        } catch (NoSuchFileException e) {
            throw new ModscanException(path + ": no such file", e);
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be read: " + e, e);
        }
    }

    private static InputTensor tensor(Path path, FileChannel channel, String header, long from) throws IOException {
        Matcher descr = find(path, header, DESCR, "a 'descr' of plain numbers, such as '<f4'");
        DType type = TYPES.get(descr.group(2) + descr.group(3));
        if (type == null) {
            throw new MalformedFileException(
                    path,
                    "holds values of the type '" + descr.group(2) + descr.group(3) + "'; known are "
                            + TYPES.keySet().stream().sorted().toList());
        }
        long[] shape = shape(path, find(path, header, SHAPE, "a 'shape'").group(1));
        boolean columnsFirst =
                find(path, header, ORDER, "a 'fortran_order'").group(1).equals("True");
        if (columnsFirst && Arrays.stream(shape).filter(axis -> axis > 1).count() > 1) {
            throw new MalformedFileException(
                    path, "is in Fortran's order; save it as numpy.save(file, numpy.ascontiguousarray(values))");
        }
        try {
            long length =
                    StoredTensor.byteLength(type, Arrays.stream(shape).boxed().toList());
            if (length > Integer.MAX_VALUE || length != channel.size() - from) {
                throw new MalformedFileException(
                        path,
                        "has " + (channel.size() - from) + " bytes of values; the shape " + Arrays.toString(shape)
                                + " of type " + type + " takes " + length
                                + (length > Integer.MAX_VALUE
                                        ? ", more than an input may take (2 GiB)"
                                        : " (truncated?)"));
            }
            ByteBuffer values = bytes(path, channel, from, (int) length)
                    .order(
                            descr.group(1).equals(">")
                                    ? ByteOrder.BIG_ENDIAN
                                    : descr.group(1).equals("=") ? ByteOrder.nativeOrder() : ByteOrder.LITTLE_ENDIAN);
            return InputTensor.of(type, values, shape);
        } catch (IllegalArgumentException e) {
            throw new MalformedFileException(path, String.valueOf(e.getMessage()), e);
        }
    }

    private static Matcher find(Path path, String header, Pattern pattern, String what) {
        Matcher matcher = pattern.matcher(header);
        if (!matcher.find()) {
            throw new MalformedFileException(path, "has the header " + header.strip() + ", without " + what);
        }
        return matcher;
    }

    private static long[] shape(Path path, String text) {
        List<String> axes = Arrays.stream(text.split(","))
                .map(axis -> axis.replace("L", "").strip())
                .filter(axis -> !axis.isEmpty())
                .toList();
        if (axes.size() > MOST_AXES || axes.stream().anyMatch(axis -> !axis.matches("\\d{1,18}"))) {
            throw new MalformedFileException(path, "has the shape (" + text + "), which is none");
        }
        return axes.stream().mapToLong(Long::parseLong).toArray();
    }

    private static ByteBuffer bytes(Path path, FileChannel channel, long from, int length) throws IOException {
        if (from + length > channel.size()) {
            throw new MalformedFileException(path, "ends inside its header (truncated?)");
        }
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, from + buffer.position()) < 0) {
                throw new MalformedFileException(path, "became shorter while it was read");
            }
        }
        return buffer.flip();
    }
}
