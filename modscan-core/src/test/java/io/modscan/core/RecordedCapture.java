package io.modscan.core;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.core.site.Reading;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Writes capture files word by word as their format says, by no code that the library writes them with. Whatever is put
 * into {@link #metadata} replaces, or with null takes away, what would be there.
 */
final class RecordedCapture {

    private final Prompts prompts;
    private final String sites;
    private final List<Reading> readings;
    private BiFunction<Reading, int[], float[]> values =
            (reading, ids) -> FakeModel.expected(reading.site(), reading.pooling(), ids);

    final Map<String, @Nullable String> metadata = new LinkedHashMap<>();

    /** Tensors that replace, or with null take away, those that would be there. */
    final Map<String, @Nullable Tensor> tensors = new LinkedHashMap<>();

    record Tensor(DType dtype, List<Long> shape, ByteBuffer bytes) {}

    /**
     * A capture to be.
     *
     * @param sites what the metadata say of the readings
     */
    RecordedCapture(Prompts prompts, String sites, List<Reading> readings) {
        this.prompts = prompts;
        this.sites = sites;
        this.readings = readings;
    }

    RecordedCapture values(BiFunction<Reading, int[], float[]> values) {
        this.values = values;
        return this;
    }

    RecordedCapture metadata(String key, @Nullable String value) {
        metadata.put(key, value);
        return this;
    }

    RecordedCapture tensor(String name, @Nullable Tensor tensor) {
        tensors.put(name, tensor);
        return this;
    }

    Path writeTo(Path file) {
        write(file, 0, prompts.size(), "");
        return file;
    }

    /** Writes shards and their index; returns the path without numbers, under which nothing lies. */
    Path writeShards(Path file, int... ends) {
        String stem = file.getFileName().toString().replace(".safetensors", "");
        Map<String, String> weights = new TreeMap<>();
        int from = 0;
        for (int i = 0; i < ends.length; i++) {
            String name = String.format("%s-%05d.safetensors", stem, i + 1);
            for (String tensor : write(file.resolveSibling(name), from, ends[i], "/" + from + "-" + ends[i])) {
                weights.put(tensor, name);
            }
            from = ends[i];
        }
        Map<String, Object> index = new LinkedHashMap<>();
        index.put("metadata", Map.of("total_size", 12345, Keys.TOKENS_SHA256, "of all"));
        index.put("weight_map", weights);
        try {
            Files.write(file.resolveSibling(file.getFileName() + ".index.json"), JSON.std.asBytes(index));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    private List<String> write(Path file, int from, int to, String behind) {
        Map<String, @Nullable String> facts = new LinkedHashMap<>();
        facts.put("model.fingerprint", "fake");
        facts.put(Keys.BOS_TOKEN_ID, Integer.toString(FakeModel.BOS));
        facts.put(Keys.MAX_TOKENS, Integer.toString(FakeModel.MAX_TOKENS));
        facts.put(Keys.VOCABULARY_SIZE, Integer.toString(FakeModel.VOCABULARY));
        facts.put(Keys.VERSION, "0");
        facts.put(Keys.PROMPT_COUNT, Integer.toString(to - from));
        facts.put(Keys.TOKENS_SHA256, "of " + from);
        facts.put(Keys.SITES, sites);
        List<Map<String, Object>> told = new ArrayList<>();
        List<int[]> ids = new ArrayList<>();
        for (Prompt prompt : prompts.slice(from, to)) {
            told.add(Map.of("id", prompt.id(), "labels", prompt.labels()));
            ids.add(prompt.tokenIds().orElseThrow());
        }
        try {
            facts.put(Keys.PROMPTS, JSON.std.asString(told));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (!behind.isEmpty()) {
            facts.put(Keys.SHARD, behind.substring(1));
        }
        facts.putAll(metadata);

        Map<String, @Nullable Tensor> all = new LinkedHashMap<>();
        all.put(
                "input_ids" + behind,
                longs(ids.stream().flatMapToInt(IntStream::of).toArray()));
        int[] offsets = new int[ids.size() + 1];
        for (int i = 0; i < ids.size(); i++) {
            offsets[i + 1] = offsets[i] + ids.get(i).length;
        }
        all.put("prompt_offsets" + behind, longs(offsets));
        for (Reading reading : readings) {
            List<Long> sizes = reading.site().axes().stream()
                    .filter(axis -> axis.size() > 0)
                    .map(axis -> (long) axis.size())
                    .toList();
            if (reading.site().isPairwise()) {
                for (int i = 0; i < ids.size(); i++) {
                    List<Long> shape = new ArrayList<>(sizes);
                    shape.addAll(List.of((long) ids.get(i).length, (long) ids.get(i).length));
                    all.put(reading.site() + "/" + (from + i), floats(shape, values.apply(reading, ids.get(i))));
                }
            } else {
                boolean perToken =
                        reading.site().hasPositions() && !reading.pooling().isPooled();
                List<Long> shape = new ArrayList<>(sizes);
                shape.add(0, (long) (perToken ? offsets[ids.size()] : ids.size()));
                all.put(
                        reading.site() + behind,
                        floats(
                                shape,
                                ids.stream()
                                        .map(row -> values.apply(reading, row))
                                        .toArray(float[][]::new)));
            }
        }
        all.putAll(tensors);

        SafetensorsWriter writer = new SafetensorsWriter();
        facts.forEach((key, value) -> {
            if (value != null) {
                writer.metadata(key, value);
            }
        });
        List<String> names = new ArrayList<>();
        all.forEach((name, tensor) -> {
            if (tensor != null) {
                names.add(name);
                writer.add(
                        name,
                        tensor.dtype(),
                        tensor.shape(),
                        channel -> channel.write(tensor.bytes().duplicate()));
            }
        });
        writer.write(file);
        return names;
    }

    static Tensor longs(int... values) {
        return longs(IntStream.of(values).asLongStream().toArray());
    }

    static Tensor longs(long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(values);
        return new Tensor(DType.I64, List.of((long) values.length), bytes);
    }

    static Tensor floats(List<Long> shape, float[]... rows) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            for (float[] row : rows) {
                for (float value : row) {
                    out.writeInt(Integer.reverseBytes(Float.floatToRawIntBits(value)));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Tensor(DType.F32, shape, ByteBuffer.wrap(bytes.toByteArray()));
    }
}
