package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * The weights that lie in a model's folder, in one file or, with an index, in several; as safetensors or as
 * {@code torch.save} writes them.
 *
 * @param path    the file that stands for the weights: the only one, or the index
 * @param tensors the tensors under their names in the files, each with the file that holds it, links resolved
 */
public record WeightFiles(Path path, Map<String, StoredTensor> tensors) {

    /** Tells of files that are not there yet. */
    @FunctionalInterface
    public interface Absent {

        /** The tensors of a file by their names, each with where it will lie; empty if the file is there, or should be. */
        Optional<Map<String, StoredTensor>> tensors(String file);
    }

    private static final String SAFETENSORS = ".safetensors";
    private static final String TORCH = ".bin";
    private static final String INDEX = ".index.json";

    /** In transformers' order of preference. */
    public static final List<String> NAMES = List.of(
            "model" + SAFETENSORS,
            "model" + SAFETENSORS + INDEX,
            "pytorch_model" + TORCH,
            "pytorch_model" + TORCH + INDEX);

    /** The name of the file to begin with, among those that are there. */
    public static Optional<String> preferred(Predicate<String> isThere) {
        return NAMES.stream().filter(isThere).findFirst();
    }

    public static boolean isIndex(String name) {
        return name.endsWith(INDEX);
    }

    /** The files that an index names. */
    public static Set<String> shards(ModelFolder folder, String index) {
        return new TreeSet<>(weightMap(folder, index).values());
    }

    public static WeightFiles read(ModelFolder folder) {
        String name = preferred(folder::has)
                .orElseThrow(() -> new ModscanException(
                        folder.path() + ": has no weights; expected is one of " + String.join(", ", NAMES)));
        return read(folder, name);
    }

    /**
     * Reads weights of which there may be others in the folder.
     *
     * @param name one of {@link #NAMES}
     */
    public static WeightFiles read(ModelFolder folder, String name) {
        return read(folder, name, shard -> Optional.empty());
    }

    /** The same where some of the files that an index names are not in the folder yet, but can be described all the same. */
    public static WeightFiles read(ModelFolder folder, String name, Absent absent) {
        Path path = folder.path().resolve(name);
        if (!isIndex(name)) {
            return new WeightFiles(path, readOne(folder, name));
        }
        Map<String, String> weightMap = weightMap(folder, name);
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        Map<String, String> shardOf = new LinkedHashMap<>();
        for (String shard : new TreeSet<>(weightMap.values())) {
            Map<String, StoredTensor> described = absent.tensors(shard).orElse(null);
            if (described == null && !folder.has(shard)) {
                throw new ModscanException(folder.path().resolve(shard) + ": is not there, but " + name
                        + " names it (an unfinished download?)");
            }
            (described == null ? readOne(folder, shard) : described).forEach((tensor, stored) -> {
                tensors.put(tensor, stored);
                String other = shardOf.put(tensor, shard);
                if (other != null) {
                    throw new MalformedFileException(
                            path, "the tensor '" + tensor + "' is in two of its files, " + other + " and " + shard);
                }
            });
        }
        weightMap.forEach((tensor, shard) -> {
            if (!shard.equals(shardOf.get(tensor))) {
                throw new MalformedFileException(
                        path,
                        "has the tensor '" + tensor + "' in " + shard + "; it is "
                                + (shardOf.containsKey(tensor) ? "in " + shardOf.get(tensor) : "not there"));
            }
        });
        return new WeightFiles(path, tensors);
    }

    private static Map<String, StoredTensor> readOne(ModelFolder folder, String name) {
        Path real = folder.resolve(name);
        // Messages name the file as the user knows it; in the hub's cache, the real one is called by its hash.
        Path named = folder.path().resolve(name);
        return at(
                real,
                isTorch(named)
                        ? TorchFile.read(named)
                        : SafetensorsFile.open(named).tensors());
    }

    /**
     * The tensors of one file of weights whose bytes come through a channel.
     *
     * @param named   the file as messages call it
     * @param real    where it lies, or will lie, links resolved
     * @param channel gives its bytes; it is not closed
     */
    public static Map<String, StoredTensor> describe(Path named, Path real, SeekableByteChannel channel)
            throws IOException {
        return at(
                real,
                isTorch(named)
                        ? TorchFile.read(named, channel)
                        : SafetensorsFile.open(named, channel).tensors());
    }

    private static boolean isTorch(Path file) {
        return file.toString().endsWith(TORCH);
    }

    private static Map<String, StoredTensor> at(Path file, Map<String, StoredTensor> read) {
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        read.forEach((key, tensor) -> tensors.put(
                key,
                new StoredTensor(
                        tensor.name(), tensor.dtype(), tensor.shape(), file, tensor.offset(), tensor.length())));
        return tensors;
    }

    /** Which file holds which tensor, as an index says. */
    private static Map<String, String> weightMap(ModelFolder folder, String name) {
        folder.resolve(name);
        Path path = folder.path().resolve(name);
        if (!(JsonFile.read(path).get("weight_map") instanceof Map<?, ?> map) || map.isEmpty()) {
            throw new MalformedFileException(path, "has no 'weight_map', an object from tensor to file");
        }
        String ending = name.startsWith("pytorch") ? TORCH : SAFETENSORS;
        Map<String, String> files = new LinkedHashMap<>();
        map.forEach((tensor, file) -> {
            if (!(file instanceof String plain) || !plain.matches("[\\w.-]+") || !plain.endsWith(ending)) {
                throw new MalformedFileException(
                        path,
                        "has the tensor '" + tensor + "' in '" + file
                                + "'; right is the name of a file in the same folder that ends in " + ending);
            }
            files.put(String.valueOf(tensor), plain);
        });
        return files;
    }
}
