package io.modscan.onnx.hub;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.Pooling;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.opt.TinyOpt;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A random OPT checkpoint of 8 MB, in files large enough that a part of one is little of it. */
enum ShardedOpt {
    SAFETENSORS("model", ".safetensors", "model.safetensors.index.json"),
    TORCH("pytorch_model", ".bin", "pytorch_model.bin.index.json");

    private static final int SHARDS = 3;

    final String index;
    private final String stem;
    private final String ending;

    ShardedOpt(String stem, String ending, String index) {
        this.stem = stem;
        this.ending = ending;
        this.index = index;
    }

    List<String> names() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < SHARDS; i++) {
            names.add(name(i));
        }
        return names;
    }

    String first() {
        return name(0);
    }

    String last() {
        return name(SHARDS - 1);
    }

    private String name(int shard) {
        return String.format("%s-%05d-of-%05d%s", stem, shard + 1, SHARDS, ending);
    }

    /** Writes config, index and shards into a folder that is made. */
    void write(Path folder) throws IOException {
        new TinyOpt().heads(128).load(folder);
        Path whole = folder.resolve("model.safetensors");
        SafetensorsFile file = SafetensorsFile.open(whole);
        long all = Files.size(whole);
        List<Map<String, StoredTensor>> shards = new ArrayList<>();
        for (int i = 0; i < SHARDS; i++) {
            shards.add(new LinkedHashMap<>());
        }
        Map<String, String> map = new LinkedHashMap<>();
        file.tensors().forEach((name, tensor) -> {
            int shard = (int) (tensor.offset() * SHARDS / all);
            shards.get(shard).put(name, tensor);
            map.put(name, name(shard));
        });
        for (int i = 0; i < SHARDS; i++) {
            Path shard = folder.resolve(name(i));
            if (this == TORCH) {
                torch(shard, shards.get(i), file);
            } else {
                SafetensorsWriter writer = new SafetensorsWriter();
                shards.get(i)
                        .forEach((name, tensor) -> writer.add(
                                name, tensor.dtype(), tensor.shape(), channel -> channel.write(file.map(name))));
                writer.write(shard);
            }
        }
        Files.delete(whole);
        Files.writeString(folder.resolve(index), JSON.std.asString(Map.of("weight_map", map)));
    }

    private static void torch(Path target, Map<String, StoredTensor> tensors, SafetensorsFile source)
            throws IOException {
        try (OutputStream out = Files.newOutputStream(target);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            store(zip, "data.pkl", pickle(tensors.values().stream().toList()));
            int key = 0;
            for (String name : tensors.keySet()) {
                ByteBuffer values = source.map(name);
                byte[] bytes = new byte[values.remaining()];
                values.get(bytes);
                store(zip, "data/" + key++, bytes);
            }
            store(zip, "version", "3\n".getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry("archive/" + name);
        CRC32 crc = new CRC32();
        crc.update(content);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        // As torch pads what stands before an entry's bytes.
        byte[] padding = new byte[45];
        padding[0] = 'F';
        padding[1] = 'B';
        padding[2] = (byte) (padding.length - 4);
        entry.setExtra(padding);
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    /** A state dict in the second protocol, each tensor with a storage of its own, float32 and row by row. */
    private static byte[] pickle(List<StoredTensor> tensors) throws IOException {
        Pickle out = new Pickle();
        out.code("\u0080\u0002}(");
        for (int key = 0; key < tensors.size(); key++) {
            StoredTensor tensor = tensors.get(key);
            long elements = tensor.length() / Float.BYTES;
            out.text(tensor.name()).code("ctorch._utils\n_rebuild_tensor_v2\n((");
            out.text("storage").code("ctorch\nFloatStorage\n").text(String.valueOf(key));
            out.text("cpu").number(elements).code("tQ").number(0).code("(");
            for (long dimension : tensor.shape()) {
                out.number(dimension);
            }
            out.code("t(");
            long stride = elements;
            for (long dimension : tensor.shape()) {
                stride /= dimension;
                out.number(stride);
            }
            out.code("t\u0089ccollections\nOrderedDict\n)RtR");
        }
        return out.code("u.").bytes.toByteArray();
    }

    /** Writes opcodes. */
    private static final class Pickle {

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Pickle code(String opcodes) {
            bytes.writeBytes(opcodes.getBytes(StandardCharsets.ISO_8859_1));
            return this;
        }

        Pickle text(String text) {
            return code("X").little(text.length()).code(text);
        }

        Pickle number(long number) {
            return code("J").little(Math.toIntExact(number));
        }

        private Pickle little(int number) {
            bytes.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(number)
                    .array());
            return this;
        }
    }

    /** What a capture of every site gives. */
    static float[][] numbers(OptModel model) {
        try (Probe probe =
                Probe.builder(model).sites("*").pooling(Pooling.mean()).build()) {
            Activations activations = probe.capture(Prompts.of(List.of(Prompt.ofTokens("a", 2, 5, 30, 7))));
            List<float[]> values = new ArrayList<>();
            activations.sites().forEach(site -> values.add(site.vector(0)));
            return values.toArray(float[][]::new);
        }
    }
}
