package io.modscan.onnx.opt;

import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.hub.HubFile;
import io.modscan.onnx.hub.HubSnapshot;
import io.modscan.onnx.internal.checkpoint.HubArrival;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
import io.modscan.onnx.internal.checkpoint.WeightFiles;
import io.modscan.onnx.internal.tokenizer.HubTokenizer;
import io.modscan.onnx.runtime.Allow;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The files of a hub's model that are needed here, and no others.
 *
 * @param weights the file that stands for the weights
 * @param arrival fetches those of several files of weights that are not there yet
 */
record HubCheckpoint(Path weights, Optional<HubArrival> arrival) {

    /** Sees to it that config and tokenizer are there, and weights that lie in a single file. */
    static HubCheckpoint fetch(HubSnapshot snapshot, Set<Allow> allowed) {
        // By its commit, so that the branch is noted in the cache only once all is there.
        HubSnapshot parts = snapshot.atCommit();
        Set<String> cached = snapshot.cached();
        Set<String> files = isEnough(parts, cached) ? cached : snapshot.files();
        Set<String> known = snapshot.isListed() ? snapshot.files() : files;
        NoCheckpoint.refuseAdapter(known, what(snapshot), "");
        if (!files.contains(ModelFolder.CONFIG) && snapshot.isListed()) {
            throw new UnsupportedModelException(
                    what(snapshot) + NoCheckpoint.WITHOUT_CONFIG + NoCheckpoint.onnx(known));
        }
        Path folder = parts.fetch(List.of(ModelFolder.CONFIG));
        // What is no OPT is refused before its weights are fetched.
        ModelFolder.open(folder).resolve(ModelFolder.CONFIG);
        OptConfig.read(JsonFile.read(folder.resolve(ModelFolder.CONFIG)), allowed);
        String weights = WeightFiles.preferred(name -> isThere(parts, cached, name))
                .or(() -> WeightFiles.preferred(files::contains))
                .orElseGet(() -> unlisted(snapshot));
        Set<String> shards = shards(parts, weights);
        List<String> wanted = new ArrayList<>(shards);
        wanted.add(ModelFolder.CONFIG);
        wanted.add(weights);
        HubTokenizer.FILES.stream().filter(files::contains).forEach(wanted::add);
        List<HubFile> later = later(parts, weights, shards);
        if (later.isEmpty()) {
            return new HubCheckpoint(snapshot.fetch(wanted).resolve(weights), Optional.empty());
        }
        List<String> now = new ArrayList<>(wanted);
        later.forEach(file -> now.remove(file.name()));
        return new HubCheckpoint(
                parts.fetch(now).resolve(weights),
                Optional.of(new HubArrival(snapshot, later, wanted, Checkpoint.SAMPLE)));
    }

    /** The files of weights that can wait until they are read. */
    private static List<HubFile> later(HubSnapshot parts, String weights, Set<String> shards) {
        Set<String> absent = new TreeSet<>(shards);
        absent.removeAll(parts.cached());
        if (!WeightFiles.isIndex(weights) || absent.isEmpty() || parts.isOffline()) {
            return List.of();
        }
        return parts.ask(absent).stream().filter(file -> !file.isCached()).toList();
    }

    /** Finds the tensors, also of weights that are not there yet. */
    WeightFiles read(ModelFolder folder) {
        String name = String.valueOf(weights.getFileName());
        if (arrival.isEmpty()) {
            return WeightFiles.read(folder, name);
        }
        WeightFiles read = WeightFiles.read(folder, name, arrival.get());
        arrival.get().noteIfWhole();
        return read;
    }

    Path folder() {
        return Objects.requireNonNull(weights.getParent(), "weights lie in a folder");
    }

    /** Without a listing, asking for the weights tells why there are none. */
    private static String unlisted(HubSnapshot snapshot) {
        if (snapshot.isListed()) {
            throw new UnsupportedModelException(what(snapshot) + "has no weights for PyTorch; expected is one of "
                    + WeightFiles.NAMES + NoCheckpoint.onnx(snapshot.files()));
        }
        return WeightFiles.NAMES.get(0);
    }

    private static String what(HubSnapshot snapshot) {
        return snapshot.model() + " (" + snapshot.commit() + "): ";
    }

    private static boolean isEnough(HubSnapshot snapshot, Set<String> cached) {
        return cached.contains(ModelFolder.CONFIG)
                && WeightFiles.preferred(name -> isThere(snapshot, cached, name))
                        .isPresent()
                && HubTokenizer.isThere(cached);
    }

    /** Whether weights of this name are in the cache to the last file. */
    private static boolean isThere(HubSnapshot snapshot, Set<String> cached, String weights) {
        return cached.contains(weights) && cached.containsAll(shards(snapshot, weights));
    }

    private static Set<String> shards(HubSnapshot snapshot, String weights) {
        return WeightFiles.isIndex(weights)
                ? WeightFiles.shards(ModelFolder.open(snapshot.fetch(List.of(weights))), weights)
                : Set.of(weights);
    }
}
