package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Pooling;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Checkpoints of more than 4 GiB, as sparse files: nearly all of the table of embeddings is zero and takes no space. What
 * is left is also there as a small checkpoint, with a vocabulary of the rows that are not zero, which must give the same
 * numbers. tools/large_fixture.py made both.
 */
class LargeFilesTest {

    private static final String EMBEDDING = "model.decoder.embed_tokens.weight";
    private static final int VOCABULARY = 17_000_000;
    private static final int[] ROWS = {2, 7, 8_388_607, 16_777_216, 16_999_999};
    private static final long FOUR_GIB = 4L << 30;
    private static final int HIDDEN = 64;

    @TempDir
    private Path folder;

    private Path small;
    private Path large;

    @BeforeEach
    void writeConfigs() throws IOException {
        small = Files.createDirectory(folder.resolve("small"));
        large = Files.createDirectory(folder.resolve("large"));
        config(small, ROWS.length);
        config(large, VOCABULARY);
        try (InputStream in = resource("small.safetensors")) {
            Files.copy(in, small.resolve("model.safetensors"), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static void config(Path folder, int vocabulary) throws IOException {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("model_type", "opt");
        config.put("hidden_size", HIDDEN);
        config.put("num_hidden_layers", 1);
        config.put("num_attention_heads", 4);
        config.put("ffn_dim", 32);
        config.put("vocab_size", vocabulary);
        config.put("max_position_embeddings", 16);
        Files.writeString(folder.resolve("config.json"), JSON.std.asString(config));
    }

    private static InputStream resource(String name) {
        return Objects.requireNonNull(LargeFilesTest.class.getResourceAsStream("large/" + name), name);
    }

    @Test
    void aTorchFileOfMoreThanFourGigabytesIsReadInPlace() throws IOException {
        Path file = large.resolve("pytorch_model.bin");
        try (InputStream in = resource("regions.bin");
                FileChannel channel = sparse(file)) {
            ByteBuffer regions = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
            long size = regions.getLong();
            while (regions.hasRemaining()) {
                long offset = regions.getLong();
                int length = Math.toIntExact(regions.getLong());
                channel.write(regions.slice(regions.position(), length), offset);
                regions.position(regions.position() + length);
            }
            assertThat(channel.size()).isEqualTo(size).isGreaterThan(FOUR_GIB);
        }
        assertLargeAsSmall();
    }

    @Test
    void safetensorsOfMoreThanFourGigabytesAreReadInPlace() throws IOException {
        SafetensorsFile source = SafetensorsFile.open(small.resolve("model.safetensors"));
        Map<String, Object> header = new LinkedHashMap<>();
        Map<String, Long> begins = new LinkedHashMap<>();
        long end = 0;
        // The table first, so that all others lie behind 4 GiB.
        for (StoredTensor tensor : source.tensors().values().stream()
                .sorted((a, b) ->
                        Boolean.compare(b.name().equals(EMBEDDING), a.name().equals(EMBEDDING)))
                .toList()) {
            boolean table = tensor.name().equals(EMBEDDING);
            long length = table ? (long) VOCABULARY * HIDDEN * Float.BYTES : tensor.length();
            header.put(
                    tensor.name(),
                    Map.of(
                            "dtype",
                            "F32",
                            "shape",
                            table ? List.of(VOCABULARY, HIDDEN) : tensor.shape(),
                            "data_offsets",
                            List.of(end, end + length)));
            begins.put(tensor.name(), end);
            end += length;
        }
        byte[] json = JSON.std.asString(header).getBytes(StandardCharsets.UTF_8);
        try (FileChannel channel = sparse(large.resolve("model.safetensors"))) {
            ByteBuffer head = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
            channel.write(head.putLong(json.length).put(json).flip(), 0);
            long data = 8L + json.length;
            for (Map.Entry<String, Long> begin : begins.entrySet()) {
                ByteBuffer values = source.map(begin.getKey());
                if (begin.getKey().equals(EMBEDDING)) {
                    int row = HIDDEN * Float.BYTES;
                    for (int i = 0; i < ROWS.length; i++) {
                        channel.write(values.slice(i * row, row), data + (long) ROWS[i] * row);
                    }
                } else {
                    channel.write(values, data + begin.getValue());
                }
            }
            assertThat(channel.size()).isEqualTo(data + end).isGreaterThan(FOUR_GIB);
        }
        assertLargeAsSmall();
    }

    private static FileChannel sparse(Path file) throws IOException {
        return FileChannel.open(
                file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE);
    }

    private void assertLargeAsSmall() {
        assertThat(activations(large, ROWS)).isDeepEqualTo(activations(small, new int[] {0, 1, 2, 3, 4}));
    }

    private static float[][] activations(Path folder, int[] ids) {
        OptModel model = OptModel.open(folder);
        return Runs.run(
                        model,
                        Runs.plan(
                                model,
                                Pooling.none(),
                                "hook_embed",
                                "blocks.0.attn.hook_z",
                                "ln_final.hook_normalized"),
                        Runs.batch(Padding.LEFT, ids.length, ids))
                .values()
                .toArray(float[][]::new);
    }
}
