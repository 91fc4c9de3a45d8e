package io.modscan.onnx.opt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.onnx.internal.checkpoint.Arrival;
import io.modscan.onnx.internal.checkpoint.WeightFiles;
import io.modscan.onnx.runtime.Allow;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The weights of an OPT checkpoint, where they lie: names are those of transformers' state dict without the prefix
 * {@code model.decoder.}; every tensor is one that the config calls for, in its shape.
 *
 * @param root    the innermost folder that holds all files of the weights
 * @param tensors the tensors by name
 * @param arrival is to be awaited before a tensor's bytes are read
 */
record Checkpoint(Path root, Map<String, StoredTensor> tensors, Arrival arrival) {

    private static final Logger LOG = LoggerFactory.getLogger(OptModel.class);

    private static final String EMBEDDING = "embed_tokens.weight";
    static final String LM_HEAD = "lm_head.weight";

    /** Bytes of each tensor that go into the fingerprint: enough to tell checkpoints apart, few enough for 66b. */
    static final int SAMPLE = 1024;

    private static final Set<DType> FLOATS = Set.of(DType.F16, DType.BF16, DType.F32, DType.F64);

    /** Weights of which none is missing, though their files may still be to arrive. */
    static Checkpoint whole(WeightFiles files, OptConfig config, Set<Allow> allowed, Arrival arrival) {
        if (config.layers() > files.tensors().size()) {
            throw new MalformedFileException(
                    files.path(),
                    "has " + files.tensors().size() + " tensors, too few for the 'num_hidden_layers' " + config.layers()
                            + " of config.json");
        }
        Map<String, List<Long>> expected = expected(config);
        Checkpoint checkpoint = of(files, expected, allowed, arrival);
        List<String> missing = new ArrayList<>(expected.keySet());
        missing.removeAll(checkpoint.tensors.keySet());
        if (config.tiedHead() && checkpoint.tensors.containsKey(LM_HEAD)) {
            missing.remove(EMBEDDING);
        }
        if (!missing.isEmpty()) {
            throw new MalformedFileException(
                    files.path(),
                    "lacks the tensors " + few(missing) + " that config.json calls for; it holds "
                            + few(files.tensors().keySet()));
        }
        if (config.tiedHead()) {
            checkpoint.tellOfHead(files.path());
        }
        return checkpoint;
    }

    private void tellOfHead(Path path) {
        StoredTensor head = tensors.get(LM_HEAD);
        StoredTensor embedding = tensors.get(EMBEDDING);
        if (head != null
                && embedding != null
                && !arrival.first(head, SAMPLE).equals(arrival.first(embedding, SAMPLE))) {
            LOG.warn(
                    "{}: config.json ties lm_head.weight to the token embedding, but one of its own is stored; it is that one which"
                            + " counts, as in transformers since 5.0",
                    path);
        }
    }

    /** Weights of which some may not be there, since an export left out what its outputs don't need. */
    static Checkpoint some(WeightFiles files, OptConfig config) {
        return of(files, expected(config), Set.of(), Arrival.HERE);
    }

    private static Checkpoint of(
            WeightFiles files, Map<String, List<Long>> expected, Set<Allow> allowed, Arrival arrival) {
        TensorNames names = new TensorNames(files.path(), files.tensors().keySet());
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        files.tensors().forEach((name, tensor) -> {
            String bare = names.bare(name);
            if (!names.isPassedOver(name) && tensors.put(bare, tensor) != null) {
                throw new MalformedFileException(files.path(), "holds the tensor '" + bare + "' under two names");
            }
        });
        names.passOverExtra(tensors, expected.keySet(), allowed);
        check(files.path(), expected, tensors);
        names.tell();
        return new Checkpoint(root(files), tensors, arrival);
    }

    private static Path root(WeightFiles files) {
        Path root = null;
        for (StoredTensor tensor : files.tensors().values()) {
            root = root == null ? tensor.file().getParent() : root;
            while (root != null && !tensor.file().startsWith(root)) {
                root = root.getParent();
            }
        }
        if (root == null) {
            throw new ModscanException(files.path() + ": its weights lie on several drives; put them into one folder");
        }
        return root;
    }

    /** Where the tensors of each file end that holds one of those given. */
    Map<Path, Long> ends(Collection<StoredTensor> some) {
        Map<Path, Long> ends = new LinkedHashMap<>();
        tensors.values().forEach(tensor -> ends.merge(tensor.file(), tensor.offset() + tensor.length(), Math::max));
        ends.keySet().retainAll(some.stream().map(StoredTensor::file).toList());
        return ends;
    }

    private static void check(Path path, Map<String, List<Long>> expected, Map<String, StoredTensor> tensors) {
        tensors.forEach((name, tensor) -> {
            // Where a tied head is stored all the same, it has the embedding's shape.
            List<Long> shape = expected.get(name.equals(LM_HEAD) ? EMBEDDING : name);
            if (!tensor.shape().equals(shape)) {
                throw new MalformedFileException(
                        path,
                        "tensor '" + tensor.name() + "' has the shape " + tensor.shape() + "; config.json calls for "
                                + shape);
            } else if (!FLOATS.contains(tensor.dtype())) {
                throw new UnsupportedModelException(path + ": tensor '" + tensor.name() + "' has the type "
                        + tensor.dtype() + "; weights are " + FLOATS);
            }
        });
    }

    static String few(Iterable<String> names) {
        List<String> list = new ArrayList<>();
        names.forEach(list::add);
        return list.size() <= 8 ? list.toString() : list.subList(0, 8) + " and " + (list.size() - 8) + " more";
    }

    /** Every tensor that a config calls for, with its shape. */
    private static Map<String, List<Long>> expected(OptConfig config) {
        long d = config.dModel();
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        shapes.put(EMBEDDING, List.of((long) config.vocabulary(), (long) config.dEmbed()));
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
            config.activation()
                    .parameters()
                    .forEach((name, shape) -> shapes.put(block + "activation_fn." + name, shape));
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

    /** The table of token embeddings; a tied head serves as one where it is the only of the two that is stored. */
    String embedding() {
        return tensors.containsKey(EMBEDDING) ? EMBEDDING : LM_HEAD;
    }

    /**
     * The language-model head. One that is stored counts, even where the config says that it is tied to the embedding; so
     * does transformers since 5.0, and before it the two were never stored apart.
     */
    String head() {
        StoredTensor head = tensors.get(LM_HEAD);
        StoredTensor embedding = tensors.get(EMBEDDING);
        boolean shared = head != null
                && embedding != null
                && head.file().equals(embedding.file())
                && head.offset() == embedding.offset();
        return head == null || shared ? EMBEDDING : LM_HEAD;
    }

    /** The same checkpoint with some of its tensors. */
    Checkpoint only(List<StoredTensor> some) {
        Set<String> names = new HashSet<>();
        some.forEach(tensor -> names.add(tensor.name()));
        Map<String, StoredTensor> kept = new LinkedHashMap<>(tensors);
        kept.values().removeIf(tensor -> !names.contains(tensor.name()));
        return new Checkpoint(root, kept, arrival);
    }

    /** A tensor, if it is there. */
    Optional<StoredTensor> tensor(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /**
     * SHA-256 over the config and each tensor's name, type, shape and first KiB. It tells checkpoints apart without
     * reading all of a large one; it is no proof that every byte is the same.
     */
    String fingerprint(String config) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        digest.update(config.getBytes(StandardCharsets.UTF_8));
        new TreeMap<>(tensors).forEach((name, tensor) -> {
            digest.update((name + " " + tensor.dtype() + " " + tensor.shape() + "\n").getBytes(StandardCharsets.UTF_8));
            digest.update(arrival.first(tensor, SAMPLE));
        });
        return HexFormat.of().formatHex(digest.digest());
    }
}
