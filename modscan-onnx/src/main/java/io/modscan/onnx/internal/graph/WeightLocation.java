package io.modscan.onnx.internal.graph;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Where weights are to be found by whoever opens a graph. */
public interface WeightLocation {

    /**
     * A place.
     *
     * @param file   relative to the graph's folder, with forward slashes
     * @param offset of the first byte in that file
     */
    record Place(String file, long offset) {}

    Place of(WeightBytes weight);

    /** In the files where they are, seen from a folder above these. */
    static WeightLocation inPlace(Path folder) {
        return weight -> new Place(folder.relativize(weight.file()).toString().replace('\\', '/'), weight.offset());
    }

    /** In one file beside the graph, as {@link CopiedWeights} writes it. */
    static WeightLocation copied(String file, List<WeightBytes> weights) {
        Map<WeightBytes, Long> begins = new HashMap<>();
        List<Long> offsets = CopiedWeights.offsets(weights);
        for (int i = 0; i < weights.size(); i++) {
            begins.put(weights.get(i), offsets.get(i));
        }
        return weight -> new Place(file, Objects.requireNonNull(begins.get(weight), weight.name()));
    }
}
