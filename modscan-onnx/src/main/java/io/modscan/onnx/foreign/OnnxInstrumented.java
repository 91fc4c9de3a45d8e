package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.FileExport;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.Inferred;
import io.modscan.onnx.internal.graph.OnnxGraph;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.graph.WeightBytes;
import io.modscan.onnx.internal.graph.WeightLocation;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Somebody's graph with other outputs, to be written to a file. Magnitudes are computed and units picked when a model
 * is run, not here: the tensor is written.
 *
 * @param sites those that are outputs
 * @param kept  the files that the model reads
 */
record OnnxInstrumented(OnnxFile file, List<Site> sites, Set<Path> kept, ModelProto model)
        implements FileExport.Content {

    /**
     * Makes one.
     *
     * @param shapes as they are with a past of any length, which another program may give
     */
    static OnnxInstrumented of(
            OnnxFile file,
            OnnxInputs inputs,
            CapturePlan plan,
            Map<String, GraphTensor> tensors,
            Map<String, Inferred> shapes,
            Set<Path> kept) {
        file.checkUnchanged();
        List<Site> sites = plan.readings().stream()
                .map(reading -> reading.site().derivedFrom().orElse(reading.site()))
                .distinct()
                .toList();
        Map<String, ValueInfoProto> declared = new LinkedHashMap<>();
        file.graph().getOutputList().forEach(output -> declared.put(output.getName(), output));
        OnnxEdit edit = new OnnxEdit(file);
        for (Site site : sites) {
            GraphTensor tensor = Objects.requireNonNull(tensors.get(site.name()), site.name());
            List<String> axes = Optional.ofNullable(shapes.get(tensor.name()))
                    .flatMap(Inferred::axes)
                    .filter(open -> open.size() == tensor.shape().orElseThrow().size())
                    .orElseGet(() ->
                            Collections.nCopies(tensor.shape().orElseThrow().size(), "?"));
            edit.output(output(tensor, axes, declared.get(tensor.name())));
        }
        return new OnnxInstrumented(file, sites, kept, withLengths(withoutConfig(edit.build()), inputs));
    }

    /** An axis of which nothing is known keeps the name that it has in the file, if it has one. */
    private static ValueInfoProto output(GraphTensor tensor, List<String> axes, @Nullable ValueInfoProto before) {
        TensorShapeProto old = before == null
                ? TensorShapeProto.getDefaultInstance()
                : before.getType().getTensorType().getShape();
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (int axis = 0; axis < axes.size(); axis++) {
            TensorShapeProto.Dimension.Builder dim = shape.addDimBuilder();
            if (OnnxProtos.isSymbol(axes.get(axis))) {
                dim.setDimParam(axes.get(axis));
            } else if (!axes.get(axis).equals("?")) {
                dim.setDimValue(Long.parseLong(axes.get(axis)));
            } else if (old.getDimCount() == axes.size() && !old.getDim(axis).hasDimValue()) {
                dim.setDimParam(old.getDim(axis).getDimParam());
            }
        }
        return ValueInfoProto.newBuilder()
                .setName(tensor.name())
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(OnnxTypes.number(tensor.type()))
                                .setShape(shape)))
                .build();
    }

    /** As far as lengths were given to the inputs' axes. */
    private static ModelProto withLengths(ModelProto model, OnnxInputs inputs) {
        ModelProto.Builder changed = model.toBuilder();
        for (ValueInfoProto.Builder input : changed.getGraphBuilder().getInputBuilderList()) {
            OnnxInputs.Input known = inputs.inputs().get(input.getName());
            List<String> axes = known == null ? List.of() : known.own();
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
