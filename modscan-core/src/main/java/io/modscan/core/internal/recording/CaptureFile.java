package io.modscan.core.internal.recording;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Writes activations that are there already. */
public final class CaptureFile {

    private static final int FLOATS_AT_ONCE = 1 << 16;

    private CaptureFile() {}

    public static void write(Captured captured, Path file) {
        Chunk all = new Chunk(0, captured.prompts().stream().toList(), captured.tokenIds(), 0, true);
        CaptureLayout layout = new CaptureLayout(file, captured.facts(), captured.readings(), all, true);
        checkReplaceable(file);
        WholeFile.write(file, aside -> {
            try (FileChannel channel =
                    FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                CaptureLayout.writeFully(channel, layout.header(), 0);
                layout.writeTokens(channel);
                for (int reading = 0; reading < captured.readings().size(); reading++) {
                    write(channel, layout, reading, captured.rows().get(reading));
                }
                channel.force(true);
            }
        });
    }

    /** What is there and is no capture may be the very model that is being read. */
    static void checkReplaceable(Path file) {
        if (!Files.isRegularFile(file)) {
            return; // that is checked where it is written
        }
        boolean capture;
        try {
            capture = SafetensorsFile.open(file).metadata().containsKey(Keys.SITES);
        } catch (MalformedFileException e) {
            capture = false;
        }
        if (!capture) {
            throw new ModscanException(
                    file
                            + ": is there already and is no capture, so it is not replaced by one. Delete it, or give another name");
        }
    }

    /** Many small rows leave in one write where they lie behind one another. */
    private static void write(FileChannel channel, CaptureLayout layout, int reading, List<FloatBuffer> rows)
            throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(FLOATS_AT_ONCE * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        FloatBuffer floats = bytes.asFloatBuffer();
        long begin = layout.position(reading, 0);
        for (int prompt = 0; prompt < rows.size(); prompt++) {
            if (layout.position(reading, prompt) != begin + (long) floats.position() * Float.BYTES) {
                flush(channel, bytes, floats, begin);
                begin = layout.position(reading, prompt);
            }
            FloatBuffer row = rows.get(prompt);
            for (int at = 0; at < row.capacity(); ) {
                int length = Math.min(floats.remaining(), row.capacity() - at);
                floats.put(row.slice(at, length));
                at += length;
                if (!floats.hasRemaining()) {
                    begin = flush(channel, bytes, floats, begin);
                }
            }
        }
        flush(channel, bytes, floats, begin);
    }

    private static long flush(FileChannel channel, ByteBuffer bytes, FloatBuffer floats, long position)
            throws IOException {
        int length = floats.position() * Float.BYTES;
        CaptureLayout.writeFully(channel, bytes.clear().limit(length), position);
        floats.clear();
        return position + length;
    }
}
