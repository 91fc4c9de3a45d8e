package io.modscan.onnx;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The weights of an OPT checkpoint, where they lie: names are those of transformers' state dict without the prefix
 * {@code model.decoder.}; every tensor that the config calls for is there in its shape, and none besides.
 *
 * @param file    the file that holds the weights, links resolved: ONNX Runtime refuses external data behind a link that
 *                leaves its folder
 * @param tensors the tensors by name
 */
record Checkpoint(Path file, Map<String, StoredTensor> tensors) {

    private static final String SAFETENSORS = "model.safetensors";
    private static final String TORCH = "pytorch_model.bin";
    static final String LM_HEAD = "lm_head.weight";

    /** Bytes of each tensor that go into the fingerprint: enough to tell checkpoints apart, few enough for 66b. */
    private static final int SAMPLE = 4096;

    private static final Set<DType> FLOATS = Set.of(DType.F16, DType.BF16, DType.F32, DType.F64);

    static Checkpoint open(Path folder, OptConfig config) {
        Path named = weightsFile(folder);
        Path file = resolved(named);
        Map<String, StoredTensor> found = named.endsWith(TORCH)
                ? TorchFile.read(file)
                : SafetensorsFile.open(file).tensors();
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        found.forEach((name, tensor) -> {
            String bare = bareName(name);
            // A counter that fairseq's checkpoints carry and no one reads.
            if (!bare.equals("version") && tensors.put(bare, tensor) != null) {
                throw new MalformedFileException(file, "holds the tensor '" + bare + "' under two names");
            }
        });
        check(file, config, tensors);
        return new Checkpoint(file, tensors);
    }

    private static Path weightsFile(Path folder) {
        for (String name : List.of(SAFETENSORS, TORCH)) {
            Path file = folder.resolve(name);
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
                return file;
            }
            if (Files.exists(folder.resolve(name + ".index.json"))) {
                throw new UnsupportedModelException(folder + ": is a checkpoint in several files (" + name
                        + ".index.json), which this version does not read; it reads " + SAFETENSORS + " or " + TORCH);
            }
        }
        throw new ModscanException(folder + ": has no weights; expected is " + SAFETENSORS + " or " + TORCH);
    }

    private static Path resolved(Path file) {
        try {
            if (!Files.exists(file)) {
                throw new ModscanException(file + ": is a link to " + Files.readSymbolicLink(file)
                        + ", which is not there (an unfinished download?); fetch the model again");
            }
            return file.toRealPath();
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    private static String bareName(String name) {
        for (String prefix : List.of("model.decoder.", "decoder.")) {
            if (name.startsWith(prefix)) {
                return name.substring(prefix.length());
            }
        }
        return name;
    }

    private static void check(Path file, OptConfig config, Map<String, StoredTensor> tensors) {
        if (config.layers() > tensors.size()) {
            throw new MalformedFileException(
                    file,
                    "has " + tensors.size() + " tensors, too few for the 'num_hidden_layers' " + config.layers()
                            + " of config.json");
        }
        Map<String, List<Long>> expected = expected(config);
        List<String> missing = new ArrayList<>();
        expected.forEach((name, shape) -> {
            StoredTensor tensor = tensors.get(name);
            if (tensor == null) {
                missing.add(name);
            } else if (!tensor.shape().equals(shape)) {
                throw new MalformedFileException(
                        file,
                        "tensor '" + tensor.name() + "' has the shape " + tensor.shape() + "; config.json calls for "
                                + shape);
            } else if (!FLOATS.contains(tensor.dtype())) {
                throw new UnsupportedModelException(file + ": tensor '" + tensor.name() + "' has the type "
                        + tensor.dtype() + "; weights are " + FLOATS);
            }
        });
        if (!missing.isEmpty()) {
            throw new MalformedFileException(
                    file,
                    "lacks the tensors " + few(missing) + " that config.json calls for; it holds "
                            + few(tensors.keySet()));
        }
        Set<String> extra = new LinkedHashSet<>(tensors.keySet());
        extra.removeAll(expected.keySet());
        if (config.tiedHead()) {
            extra.remove(LM_HEAD);
        }
        if (!extra.isEmpty()) {
            throw new MalformedFileException(
                    file, "holds the tensors " + few(extra) + " that an OPT with this config.json does not have");
        }
    }

    private static String few(Iterable<String> names) {
        List<String> list = new ArrayList<>();
        names.forEach(list::add);
        return list.size() <= 8 ? list.toString() : list.subList(0, 8) + " and " + (list.size() - 8) + " more";
    }

    /** Every tensor that a config calls for, with its shape. */
    private static Map<String, List<Long>> expected(OptConfig config) {
        long d = config.dModel();
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        shapes.put("embed_tokens.weight", List.of((long) config.vocabulary(), (long) config.dEmbed()));
        shapes.put("embed_positions.weight", List.of((long) config.maxPositions() + OptConfig.POSITION_OFFSET, d));
        if (config.dEmbed() != config.dModel()) {
            shapes.put("project_in.weight", List.of(d, (long) config.dEmbed()));
            shapes.put("project_out.weight", List.of((long) config.dEmbed(), d));
        }
        for (int layer = 0; layer < config.layers(); layer++) {
            String block = "layers." + layer + ".";
            for (String projection : List.of("q_proj", "k_proj", "v_proj", "out_proj")) {
                linear(shapes, config, block + "self_attn." + projection, d, d);
            }
            norm(shapes, config, block + "self_attn_layer_norm");
            linear(shapes, config, block + "fc1", config.dMlp(), d);
            linear(shapes, config, block + "fc2", d, config.dMlp());
            norm(shapes, config, block + "final_layer_norm");
        }
        if (config.finalNorm()) {
            norm(shapes, config, "final_layer_norm");
        }
        if (!config.tiedHead()) {
            shapes.put(LM_HEAD, List.of((long) config.vocabulary(), (long) config.dEmbed()));
        }
        return shapes;
    }

    private static void linear(Map<String, List<Long>> shapes, OptConfig config, String name, long out, long in) {
        shapes.put(name + ".weight", List.of(out, in));
        if (config.bias()) {
            shapes.put(name + ".bias", List.of(out));
        }
    }

    private static void norm(Map<String, List<Long>> shapes, OptConfig config, String name) {
        if (config.affineNorm()) {
            shapes.put(name + ".weight", List.of((long) config.dModel()));
            shapes.put(name + ".bias", List.of((long) config.dModel()));
        }
    }

    StoredTensor tensor(String name) {
        StoredTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("no tensor " + name);
        }
        return tensor;
    }

    /**
     * SHA-256 over the config and each tensor's name, type, shape and first 4 KiB. It tells checkpoints apart without
     * reading all of a large one; it is no proof that every byte is the same.
     */
    String fingerprint(Path configFile) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(Files.readAllBytes(configFile));
            for (Map.Entry<String, StoredTensor> entry : new TreeMap<>(tensors).entrySet()) {
                StoredTensor tensor = entry.getValue();
                digest.update((entry.getKey() + " " + tensor.dtype() + " " + tensor.shape() + "\n")
                        .getBytes(StandardCharsets.UTF_8));
                ByteBuffer sample = ByteBuffer.allocate((int) Math.min(SAMPLE, tensor.length()));
                while (sample.hasRemaining() && channel.read(sample, tensor.offset() + sample.position()) >= 0) {}
                digest.update(sample.flip());
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
