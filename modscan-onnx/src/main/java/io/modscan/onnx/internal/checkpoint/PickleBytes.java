package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.MalformedFileException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The bytes of a pickle, read from front to end; what is wrong with them is said with its place. */
final class PickleBytes {

    private static final int MAX_SHOWN = 100;

    private final Path file;
    private final String entry;
    private final ByteBuffer pickle;

    /** Where the current opcode is, for messages. */
    private int opcodeAt;

    PickleBytes(Path file, String entry, byte[] pickle) {
        this.file = file;
        this.entry = entry;
        this.pickle = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** What is read, for messages. */
    String name() {
        return file + ": " + entry;
    }

    /** The place of the current opcode, for messages that begin with it. */
    String where() {
        return file + ": " + at();
    }

    int remaining() {
        return pickle.remaining();
    }

    boolean hasRemaining() {
        return pickle.hasRemaining();
    }

    int readOpcode() {
        opcodeAt = pickle.position();
        return readByte();
    }

    private void need(long bytes) {
        if (bytes > pickle.remaining()) {
            throw malformed("needs " + bytes + " bytes; " + pickle.remaining() + " are left (truncated?)");
        }
    }

    int readByte() {
        return (int) readUnsigned(1);
    }

    long readUnsigned(int bytes) {
        need(bytes);
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (pickle.get() & 0xffL) << (8 * i);
        }
        return value;
    }

    int readLength(int bytes, String of) {
        long length = readUnsigned(bytes);
        if (length < 0 || length > pickle.remaining()) {
            throw malformed(of + " of " + Long.toUnsignedString(length) + " bytes begins where " + pickle.remaining()
                    + " are left (truncated?)");
        }
        return (int) length;
    }

    long readLong1() {
        int bytes = readLength(1, "an integer");
        if (bytes > 8) {
            throw malformed("an integer has " + bytes + " bytes; right are at most 8");
        }
        // Sign-extends: the highest byte of fewer than eight carries the sign.
        int unused = 64 - 8 * bytes;
        return bytes == 0 ? 0 : readUnsigned(bytes) << unused >> unused;
    }

    String readText(int length) {
        ByteBuffer utf8 = pickle.slice(pickle.position(), length);
        pickle.position(pickle.position() + length);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(file, at() + "a text is not UTF-8", e);
        }
    }

    String readLine() {
        for (int end = pickle.position(); end < pickle.limit(); end++) {
            if (pickle.get(end) == '\n') {
                String line = readText(end - pickle.position());
                pickle.get();
                return line;
            }
        }
        throw malformed("a class's name does not end (truncated?)");
    }

    private String at() {
        return entry + ", byte " + opcodeAt + ": ";
    }

    MalformedFileException malformed(String problem) {
        return new MalformedFileException(file, at() + problem);
    }

    /**
     * Makes text from a file fit for a message: short, and without control characters.
     *
     * @param text any text
     * @return it, in quotes
     */
    static String quoted(String text) {
        String cut = text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "…";
        return "'" + cut.replaceAll("[\\p{Cc}\\p{Cf}]", "?") + "'";
    }

    static String hex(int value) {
        return String.format("0x%02x", value);
    }
}
