package io.modscan.core;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The layout of capture files; {@link Activations#save} describes it. */
final class CaptureFile {

    private static final int CHUNK = 1 << 16;

    private CaptureFile() {}

    static void write(Activations activations, Path file) {
        SafetensorsWriter writer = new SafetensorsWriter();
        activations.provenance().forEach(writer::metadata);
        writer.metadata("modscan.prompts", promptsJson(activations));
        List<int[]> ids = activations.allTokenIds();
        long tokens = ids.stream().mapToLong(row -> row.length).sum();
        writer.add("input_ids", DType.I64, List.of(tokens), channel -> {
            for (int[] row : ids) {
                ByteBuffer bytes = ByteBuffer.allocate(row.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
                for (int id : row) {
                    bytes.putLong(id);
                }
                writeFully(channel, bytes.flip());
            }
        });
        writer.add("prompt_offsets", DType.I64, List.of(ids.size() + 1L), channel -> {
            ByteBuffer bytes =
                    ByteBuffer.allocate((ids.size() + 1) * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            long offset = 0;
            bytes.putLong(offset);
            for (int[] row : ids) {
                offset += row.length;
                bytes.putLong(offset);
            }
            writeFully(channel, bytes.flip());
        });
        for (SiteActivations site : activations.sites()) {
            if (!SiteActivations.isPerPair(site.site())) {
                writer.add(
                        site.site().name(),
                        DType.F32,
                        site.packedShape(),
                        channel -> writeFloats(channel, site.rows()));
            } else {
                for (int prompt = 0; prompt < site.size(); prompt++) {
                    FloatBuffer row = site.rows().get(prompt);
                    long length = ids.get(prompt).length;
                    writer.add(
                            site.site().name() + "/" + prompt,
                            DType.F32,
                            site.site().heads() > 0
                                    ? List.of((long) site.site().heads(), length, length)
                                    : List.of(length, length),
                            channel -> writeFloats(channel, List.of(row)));
                }
            }
        }
        writer.write(file);
    }

    private static String promptsJson(Activations activations) {
        List<Map<String, Object>> prompts = new ArrayList<>();
        for (Prompt prompt : activations.prompts()) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("id", prompt.id());
            entry.put("labels", prompt.labels());
            prompts.add(entry);
        }
        try {
            return JSON.std.asString(prompts);
        } catch (IOException e) {
            throw new UncheckedIOException("prompts cannot be written as JSON", e);
        }
    }

    /** Many small rows leave in one write. */
    private static void writeFloats(WritableByteChannel channel, List<FloatBuffer> rows) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(CHUNK * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        FloatBuffer floats = bytes.asFloatBuffer();
        for (FloatBuffer row : rows) {
            int at = 0;
            while (at < row.capacity()) {
                int length = Math.min(floats.remaining(), row.capacity() - at);
                floats.put(row.slice(at, length));
                at += length;
                if (!floats.hasRemaining()) {
                    flush(channel, bytes, floats);
                }
            }
        }
        flush(channel, bytes, floats);
    }

    private static void flush(WritableByteChannel channel, ByteBuffer bytes, FloatBuffer floats) throws IOException {
        writeFully(channel, bytes.clear().limit(floats.position() * Float.BYTES));
        floats.clear();
    }

    private static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
