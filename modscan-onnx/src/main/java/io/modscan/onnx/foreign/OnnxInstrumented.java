package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.FileExport;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.graph.WeightBytes;
import io.modscan.onnx.internal.graph.WeightLocation;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Somebody's graph with other outputs, to be written to a file. A magnitude is computed when a model is run, not here: its
 * tensor is written.
 *
 * @param sites those that are outputs
 * @param kept  the files that the model reads
 */
record OnnxInstrumented(OnnxFile file, List<Site> sites, Set<Path> kept, ModelProto model)
        implements FileExport.Content {

    static OnnxInstrumented of(
            OnnxFile file, OnnxInputs inputs, CapturePlan plan, Map<String, GraphTensor> tensors, Set<Path> kept) {
        file.checkUnchanged();
        List<Site> sites = plan.readings().stream()
                .map(reading -> reading.site().magnitudeOf().orElse(reading.site()))
                .distinct()
                .toList();
        OnnxEdit edit = new OnnxEdit(file);
        for (Site site : sites) {
            GraphTensor tensor = Objects.requireNonNull(tensors.get(site.name()), site.name());
            edit.output(OnnxProtos.valueInfo(
                    tensor.name(),
                    OnnxTypes.number(tensor.type()),
                    tensor.shape().orElseThrow()));
        }
        return new OnnxInstrumented(file, sites, kept, withLengths(withoutConfig(edit.build()), inputs));
    }

    /** As far as lengths were given to the inputs' axes; what is past may be of any length for another program. */
    private static ModelProto withLengths(ModelProto model, OnnxInputs inputs) {
        Map<String, List<String>> given = new LinkedHashMap<>(inputs.axes());
        inputs.inputs().values().stream()
                .filter(input -> input.role().equals(Optional.of(InputRole.PAST)))
                .forEach(input -> given.remove(input.name()));
        ModelProto.Builder changed = model.toBuilder();
        for (ValueInfoProto.Builder input : changed.getGraphBuilder().getInputBuilderList()) {
            List<String> axes = given.getOrDefault(input.getName(), List.of());
            for (int axis = 0; axis < axes.size(); axis++) {
                if (!OnnxProtos.isSymbol(axes.get(axis))) {
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

    @Override
    public Path root() {
        return file.root();
    }

    @Override
    public List<WeightBytes> weights() {
        Set<WeightBytes> used = new LinkedHashSet<>();
        OnnxGraph.withTensors(model.getGraph(), tensor -> {
            file.weight(tensor).ifPresent(used::add);
            return tensor;
        });
        return List.copyOf(used);
    }

    @Override
    public byte[] serialise(WeightLocation location) {
        GraphProto graph = OnnxGraph.withTensors(
                model.getGraph(),
                tensor -> file.weight(tensor)
                        .map(weight -> {
                            WeightLocation.Place place = location.of(weight);
                            return OnnxProtos.external(
                                            tensor.toBuilder(), place.file(), place.offset(), weight.length())
                                    .build();
                        })
                        .orElse(tensor));
        return model.toBuilder().setGraph(graph).build().toByteArray();
    }
}
