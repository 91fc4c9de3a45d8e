package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.onnx.internal.graph.CopiedWeights;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.graph.WeightBytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Writes somebody's graph with other outputs to a file. */
final class OnnxInstrumented {

    private OnnxInstrumented() {}

    /** @param inputs the axes of the graph's inputs, as far as lengths were given to them */
    static void write(
            OnnxFile file, Map<String, List<String>> inputs, List<GraphTensor> outputs, Path target, Set<Path> files) {
        WholeFile.prepare(target);
        OnnxEdit edit = new OnnxEdit(file);
        Map<String, GraphTensor> tensors = new LinkedHashMap<>();
        outputs.forEach(tensor -> tensors.put(tensor.name(), tensor));
        tensors.values()
                .forEach(tensor -> edit.output(OnnxEdit.valueInfo(
                        tensor.name(),
                        OnnxTypes.number(tensor.type()),
                        tensor.shape().orElseThrow())));
        ModelProto model = withLengths(withoutConfig(edit.build()), inputs);
        try {
            Path folder = Objects.requireNonNull(target.toAbsolutePath().getParent(), "a file lies in a folder")
                    .toRealPath();
            Path path = folder.resolve(target.getFileName());
            Path data = path.resolveSibling(path.getFileName() + ".data");
            if (files.contains(path) || files.contains(data)) {
                throw new ModscanException(target + ": is a file that the model is read from; give another name");
            }
            boolean inPlace = file.root().startsWith(folder);
            Set<WeightBytes> used = new LinkedHashSet<>();
            OnnxGraph.withTensors(model.getGraph(), tensor -> {
                file.weight(tensor).ifPresent(used::add);
                return tensor;
            });
            List<WeightBytes> weights = List.copyOf(used);
            List<Long> offsets = CopiedWeights.offsets(weights);
            Map<WeightBytes, Long> places = new HashMap<>();
            for (int i = 0; i < weights.size(); i++) {
                places.put(weights.get(i), inPlace ? weights.get(i).offset() : offsets.get(i));
            }
            GraphProto graph = OnnxGraph.withTensors(
                    model.getGraph(),
                    tensor -> file.weight(tensor)
                            .map(weight -> {
                                Path from = inPlace ? weight.file() : data;
                                String location =
                                        folder.relativize(from).toString().replace('\\', '/');
                                long offset = Objects.requireNonNull(places.get(weight), weight.name());
                                return OnnxFile.external(tensor.toBuilder(), location, offset, weight.length())
                                        .build();
                            })
                            .orElse(tensor));
            byte[] bytes = model.toBuilder().setGraph(graph).build().toByteArray();
            CopiedWeights.write(path, bytes, inPlace || weights.isEmpty() ? null : data, weights);
        } catch (IOException e) {
            throw new UncheckedIOException(target + ": cannot be written: " + e, e);
        }
    }

    private static ModelProto withLengths(ModelProto model, Map<String, List<String>> inputs) {
        ModelProto.Builder changed = model.toBuilder();
        for (ValueInfoProto.Builder input : changed.getGraphBuilder().getInputBuilderList()) {
            List<String> axes = inputs.getOrDefault(input.getName(), List.of());
            for (int axis = 0; axis < axes.size(); axis++) {
                if (!OnnxShapes.isSymbol(axes.get(axis))) {
                    input.getTypeBuilder()
                            .getTensorTypeBuilder()
                            .getShapeBuilder()
                            .getDimBuilder(axis)
                            .setDimValue(Long.parseLong(axes.get(axis)));
                }
            }
        }
        return changed.build();
    }

    /** One of our exports is none any more: what it computes is not what its config says. */
    private static ModelProto withoutConfig(ModelProto model) {
        return model.toBuilder()
                .clearMetadataProps()
                .addAllMetadataProps(model.getMetadataPropsList().stream()
                        .filter(entry -> !entry.getKey().equals(GraphBuilder.CONFIG))
                        .toList())
                .build();
    }
}
