package io.modscan.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.onnx.OnnxFile.Weight;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Writes somebody's graph with other outputs to a file. */
final class OnnxInstrumented {

    private OnnxInstrumented() {}

    static void write(OnnxFile file, List<GraphTensor> outputs, Path target, Set<Path> files) {
        WholeFile.prepare(target);
        OnnxEdit edit = new OnnxEdit(file);
        Map<String, GraphTensor> tensors = new LinkedHashMap<>();
        outputs.forEach(tensor -> tensors.put(tensor.name(), tensor));
        tensors.values()
                .forEach(tensor -> edit.output(OnnxEdit.valueInfo(
                        tensor.name(),
                        OnnxTypes.number(tensor.type()),
                        tensor.shape().orElseThrow())));
        ModelProto model = edit.build();
        try {
            Path folder = Objects.requireNonNull(target.toAbsolutePath().getParent(), "a file lies in a folder")
                    .toRealPath();
            Path path = folder.resolve(target.getFileName());
            Path data = path.resolveSibling(path.getFileName() + ".data");
            if (files.contains(path) || files.contains(data)) {
                throw new ModscanException(target + ": is a file that the model is read from; give another name");
            }
            boolean inPlace = file.root().startsWith(folder);
            List<TensorProto> external = model.getGraph().getInitializerList().stream()
                    .filter(initializer -> file.weights().containsKey(initializer.getName()))
                    .toList();
            List<Weight> weights = new ArrayList<>();
            external.forEach(
                    tensor -> weights.add(Objects.requireNonNull(file.weights().get(tensor.getName()))));
            List<Long> offsets = CopiedWeights.offsets(weights);
            GraphProto.Builder graph = model.getGraph().toBuilder();
            int next = 0;
            for (TensorProto.Builder tensor : graph.getInitializerBuilderList()) {
                Weight weight = file.weights().get(tensor.getName());
                if (weight != null) {
                    Path from = inPlace ? weight.file() : data;
                    String location = folder.relativize(from).toString().replace('\\', '/');
                    OnnxFile.external(tensor, location, inPlace ? weight.offset() : offsets.get(next), weight.length());
                    next++;
                }
            }
            byte[] bytes = model.toBuilder().setGraph(graph).build().toByteArray();
            CopiedWeights.write(path, bytes, inPlace || weights.isEmpty() ? null : data, weights);
        } catch (IOException e) {
            throw new UncheckedIOException(target + ": cannot be written: " + e, e);
        }
    }
}
