package io.modscan.core.internal.recording;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Writes activations that are there already. */
public final class CaptureFile {

    private static final int FLOATS_AT_ONCE = 1 << 16;

    /** How the header of every capture begins, behind its length. */
    private static final byte[] BEGINNING = "{\"__metadata__\":{".getBytes(StandardCharsets.UTF_8);

    private CaptureFile() {}

    /** Writes them with values stored as F32, F16 or BF16. */
    public static void write(Captured captured, Path file, DType type) {
        Chunk all = new Chunk(0, captured.prompts().stream().toList(), captured.tokens(), List.of(), 0, true);
        CaptureLayout layout = new CaptureLayout(file, captured.facts(), captured.readings(), all, type, true);
        Rounding rounding = new Rounding(type, captured.readings());
        checkReplaceable(file, layout);
        WholeFile.write(file, aside -> {
            try (FileChannel channel =
                    FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                CaptureLayout.writeFully(channel, layout.header(), 0);
                layout.writeTokens(channel);
                for (int reading = 0; reading < captured.readings().size(); reading++) {
                    write(channel, layout, rounding, reading, captured.rows().get(reading));
                }
                channel.force(true);
            }
        });
        rounding.tell();
    }

    /**
     * What is there and is no capture may be the very model that is being read.
     *
     * @param layout of the capture that is to replace it
     * @throws ModscanException if it is neither a capture nor what is left of this one
     */
    static void checkReplaceable(Path file, CaptureLayout layout) {
        if (Files.isRegularFile(file) && !isCapture(file) && !isTorn(file, layout)) {
            throw notReplaced(file);
        }
    }

    /** The same as long as the layout isn't known: what may be left of a capture passes. */
    static void checkReplaceable(Path file) {
        if (Files.isRegularFile(file) && !isCapture(file) && !mayBeTorn(file)) {
            throw notReplaced(file);
        }
    }

    private static ModscanException notReplaced(Path file) {
        return new ModscanException(
                file
                        + ": is there already and is no capture, so it is not replaced by one. Delete it, or give another name");
    }

    private static boolean isCapture(Path file) {
        try {
            return SafetensorsFile.open(file).metadata().containsKey(Keys.SITES);
        } catch (MalformedFileException e) {
            return false;
        }
    }

    /** Whether a file is what is left of a capture: with its header torn, or of another size than it tells. */
    static boolean isTorn(Path file, CaptureLayout layout) {
        ByteBuffer header = layout.header();
        ByteBuffer found = headOf(file, header.remaining());
        return layout.isTornHeader(found) || (found.equals(header) && size(file) != layout.size());
    }

    private static boolean mayBeTorn(Path file) {
        ByteBuffer found = headOf(file, Long.BYTES + BEGINNING.length);
        for (int i = Long.BYTES; i < found.remaining(); i++) {
            if (found.get(i) != 0 && found.get(i) != BEGINNING[i - Long.BYTES]) {
                return false;
            }
        }
        return true;
    }

    static ByteBuffer headOf(Path file, int length) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return PartFile.headOf(channel, length);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    /** Many small rows leave in one write where they lie behind one another. */
    private static void write(
            FileChannel channel, CaptureLayout layout, Rounding rounding, int reading, List<FloatBuffer> rows)
            throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(FLOATS_AT_ONCE * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        FloatBuffer floats = bytes.asFloatBuffer();
        ByteBuffer out =
                ByteBuffer.allocateDirect(FLOATS_AT_ONCE * layout.type().bytes());
        long begin = layout.position(reading, 0);
        for (int prompt = 0; prompt < rows.size(); prompt++) {
            if (layout.position(reading, prompt) != begin + out.position()) {
                flush(channel, out, begin);
                begin = layout.position(reading, prompt);
            }
            FloatBuffer row = rows.get(prompt);
            for (int at = 0; at < row.capacity(); ) {
                int room = out.remaining() / layout.type().bytes();
                int length = Math.min(room, row.capacity() - at);
                floats.put(0, row, at, length);
                bytes.clear().limit(length * Float.BYTES);
                while (bytes.hasRemaining()) {
                    out.put(rounding.next(bytes));
                }
                at += length;
                if (!out.hasRemaining()) {
                    begin = flush(channel, out, begin);
                }
            }
            rounding.rowDone(reading, layout.id(prompt), row);
        }
        flush(channel, out, begin);
    }

    private static long flush(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
        int length = bytes.position();
        CaptureLayout.writeFully(channel, bytes.flip(), position);
        bytes.clear();
        return position + length;
    }
}
