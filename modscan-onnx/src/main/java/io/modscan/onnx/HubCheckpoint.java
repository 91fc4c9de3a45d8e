package io.modscan.onnx;

import io.modscan.core.error.UnsupportedModelException;
import io.modscan.onnx.hub.HubSnapshot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Fetches the files of a hub's model that are needed here, and no others. */
final class HubCheckpoint {

    private HubCheckpoint() {}

    /** Sees to it that config, weights and tokenizer are there, and returns the folder that they are in. */
    static Path fetch(HubSnapshot snapshot) {
        Set<String> cached = snapshot.cached();
        Set<String> files = isEnough(snapshot, cached) ? cached : snapshot.files();
        if (!files.contains(OptConfig.FILE)) {
            throw new UnsupportedModelException(snapshot.model() + " (" + snapshot.commit() + "): has no "
                    + OptConfig.FILE + ", so it is no checkpoint of transformers");
        }
        Path folder = snapshot.fetch(List.of(OptConfig.FILE));
        // What is no OPT is refused before its weights are fetched.
        OptConfig.read(JsonFile.read(folder.resolve(OptConfig.FILE)));
        String weights = WeightFiles.preferred(name -> isThere(snapshot, cached, name))
                .or(() -> WeightFiles.preferred(files::contains))
                .orElseThrow(() -> new UnsupportedModelException(snapshot.model() + " (" + snapshot.commit()
                        + "): has no weights for PyTorch; expected is one of " + WeightFiles.NAMES));
        List<String> wanted = new ArrayList<>(shards(snapshot, weights));
        wanted.add(weights);
        HubTokenizer.FILES.stream().filter(files::contains).forEach(wanted::add);
        return snapshot.fetch(wanted);
    }

    private static boolean isEnough(HubSnapshot snapshot, Set<String> cached) {
        return cached.contains(OptConfig.FILE)
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
