package io.modscan.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.onnx.internal.tokenizer.HubTokenizer;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of which a few bytes become many in Java's heap: each read in a process with a small one. */
class BeyondTheHeapTest {

    private static final int BYTES = 24_000_000;

    @TempDir
    Path folder;

    private final List<Path> files = new ArrayList<>();

    /** Reads files and prints what became of each. */
    static final class Reads {
        public static void main(String[] files) {
            for (String name : files) {
                Path file = Path.of(name);
                String outcome = "read";
                try {
                    if (name.endsWith(".safetensors")) {
                        SafetensorsFile.open(file);
                    } else if (name.endsWith("tokenizer")) {
                        HubTokenizer.open(file);
                    } else {
                        OptModel.open(file);
                    }
                } catch (ModscanException e) {
                    outcome = "refused " + e.getMessage();
                }
                System.out.println(file.getFileName() + " " + outcome.replace('\n', ' '));
            }
        }
    }

    private void header(String name, String begin, String repeated, String end) throws IOException {
        byte[] json = (begin + repeated.repeat(BYTES / repeated.length()) + end).getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json);
        files.add(Files.write(folder.resolve(name + ".safetensors"), file.array()));
    }

    private Path json(Path folder, String name, String begin, String repeated, String end) throws IOException {
        Files.createDirectories(folder);
        return Files.writeString(folder.resolve(name), begin + repeated.repeat(BYTES / repeated.length()) + end);
    }

    private void outcomes(String... says) {
        Forked forked = Forked.run("160m", Reads.class, files.toArray());
        assertThat(forked.status()).as(forked.output()).isZero();
        List<String> lines = forked.output()
                .lines()
                .filter(line -> files.stream().anyMatch(file -> line.startsWith(file.getFileName() + " ")))
                .toList();
        assertThat(lines)
                .hasSameSizeAs(files)
                .allSatisfy(line -> assertThat(line).contains("refused").containsAnyOf(says));
    }

    @Test
    void headersOfSafetensors() throws IOException {
        header("lists", "{\"a\":[", "[],", "[]]}");
        header("objects", "{\"a\":[", "{},", "{}]}");
        header("numbers", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4],\"shape\":[", "1,", "1]}}");
        header("texts", "{\"a\":[", "\"\",", "1]}");
        header("metadata", "{\"__metadata__\":{", "\"a\":\"\",", "\"b\":\"\"}}");
        StringBuilder names = new StringBuilder();
        for (int i = 0; names.length() < BYTES; i++) {
            names.append('"').append(Integer.toHexString(i)).append("\":\"\",");
        }
        header("names", "{\"__metadata__\":{" + names, " ", "\"x\":\"\"}}");
        header("text", "{\"a\":\"", "x", "\"}");
        header("nested", "{\"a\":", "[", "");
        // Duplicate keys end the reading of metadata early.
        outcomes("-Xmx", "nested more than", "uplicate", "is not a JSON object");
    }

    @Test
    void jsonOfAModelsFolder() throws IOException {
        Path config = folder.resolve("config");
        json(config, "config.json", "{\"model_type\":\"opt\",\"x\":[", "[],", "[]]}");
        files.add(config);
        Path nested = folder.resolve("nested");
        Files.createDirectories(nested);
        Files.writeString(nested.resolve("config.json"), "{\"model_type\":\"opt\",\"x\":" + "[".repeat(100_000));
        files.add(nested);
        Path small = folder.resolve("manyobjects");
        Files.createDirectories(small);
        Files.writeString(
                small.resolve("config.json"), "{\"model_type\":\"opt\",\"x\":[" + "{},".repeat(5_000_000) + "{}]}");
        files.add(small);
        Path tokenizer = folder.resolve("a-tokenizer");
        json(tokenizer, "tokenizer.json", "{\"version\":\"1.0\",\"x\":[", "[],", "[]]}");
        files.add(tokenizer);
        Path settings = folder.resolve("b-tokenizer");
        json(settings, "tokenizer_config.json", "{\"x\":[", "{},", "{}]}");
        Files.writeString(settings.resolve("vocab.json"), "{\"a\": 0}");
        Files.writeString(settings.resolve("merges.txt"), "#version: 0.2\n");
        files.add(settings);
        Path vocabulary = folder.resolve("c-tokenizer");
        json(vocabulary, "vocab.json", "{\"y\":[", "1,", "1]}");
        Files.writeString(vocabulary.resolve("merges.txt"), "#version: 0.2\n");
        files.add(vocabulary);
        Path merges = folder.resolve("d-tokenizer");
        json(merges, "merges.txt", "#version: 0.2\n", "a b\n", "");
        Files.writeString(merges.resolve("vocab.json"), "{\"a\": 0, \"b\": 1, \"ab\": 2}");
        files.add(merges);
        outcomes("-Xmx", "nested more than");
    }

    @Test
    void anExportOfEmptyNodes() throws IOException {
        Path file = folder.resolve("export.onnx");
        ModelProto model = ModelProto.newBuilder()
                .setProducerName("modscan")
                .addMetadataProps(StringStringEntryProto.newBuilder()
                        .setKey("model.config")
                        .setValue("{}"))
                .setGraph(GraphProto.newBuilder()
                        .addAllNode(Collections.nCopies(3_900_000, NodeProto.getDefaultInstance())))
                .build();
        files.add(Files.write(file, model.toByteArray()));
        outcomes("-Xmx");
    }
}
