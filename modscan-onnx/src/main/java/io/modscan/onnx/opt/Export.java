package io.modscan.onnx.opt;

import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.model.ModscanVersion;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.onnx.internal.graph.CopiedWeights;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.graph.WeightBytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.LoggerFactory;

/**
 * Writes a model as an ONNX file (IR 8, opset 17) whose outputs are the model's sites, under their names, as float32 with
 * the symbolic axes {@code batch} and {@code sequence}. Inputs are {@code input_ids} and {@code attention_mask}, int64
 * [batch, sequence], padded on any side. Immutable.
 *
 * <p>The file holds no weights. Where it lies in the checkpoint's folder or above it, it refers to the bytes in the
 * checkpoint's own file. Elsewhere it can't, since ONNX allows no path that leaves the model's folder; then, or on demand,
 * the weights are copied to a second file {@code NAME.onnx.data} beside it.
 *
 * <p>The checkpoint's config is in the metadata ({@code model.config}), so that {@link OptModel#load(Path)} opens the export
 * again without the checkpoint's folder.
 */
public final class Export {

    private final OptModel model;
    private final List<SiteSelector> selectors;
    private final boolean selfContained;

    Export(OptModel model) {
        this(model, List.of(), false);
    }

    private Export(OptModel model, List<SiteSelector> selectors, boolean selfContained) {
        this.model = model;
        this.selectors = selectors;
        this.selfContained = selfContained;
    }

    /**
     * What was written.
     *
     * @param model the ONNX file
     * @param data  the file of copied weights, or empty if the model refers to the checkpoint's own
     * @param sites the sites that are outputs, in order
     */
    public record Exported(Path model, Optional<Path> data, List<Site> sites) {

        /**
         * Copies the list.
         *
         * @param model see above
         * @param data  see above
         * @param sites see above
         */
        public Exported {
            sites = List.copyOf(sites);
        }
    }

    /**
     * The same export with only some sites as outputs; what they don't need is cut off.
     *
     * @param selectors which sites; none means all but those on demand
     * @return a copy
     */
    public Export sites(SiteSelector... selectors) {
        return new Export(model, List.of(selectors), selfContained);
    }

    /**
     * The same export with the weights copied beside it, so that the two files can be moved or shipped.
     *
     * @return a copy
     */
    public Export selfContained() {
        return new Export(model, selectors, true);
    }

    /**
     * Writes the file; it appears whole or not at all.
     *
     * @param file where to; its name ends in {@code .onnx}; an existing one is replaced
     * @return what was written
     * @throws ModscanException     if a selector matches nothing, the name has another ending, or no file can be written
     *                              there
     * @throws UncheckedIOException if writing fails
     */
    public Exported to(Path file) {
        if (!file.toString().endsWith(".onnx")) {
            throw new ModscanException(file + ": an ONNX file's name ends in .onnx");
        }
        List<SiteSelector> wanted = selectors.isEmpty() ? List.of(Sites.all()) : selectors;
        CapturePlan plan = model.plan(wanted.stream()
                .map(selector -> new Selection(selector, Pooling.none()))
                .toList());
        try {
            WholeFile.prepare(file);
            Path folder = Optional.ofNullable(file.toAbsolutePath().getParent())
                    .orElseThrow()
                    .toRealPath();
            Path target = folder.resolve(file.getFileName());
            OptGraph graph = model.graph(plan, OptGraph.Dialect.ONNX);
            boolean inPlace = !selfContained && model.checkpoint().root().startsWith(folder);
            if (!inPlace && !selfContained) {
                // Not as a constant: finding SLF4J's binding takes a tenth of a first export that has nothing to say.
                LoggerFactory.getLogger(Export.class)
                        .warn(
                                "{} is not below {}, and an ONNX file can't refer to files elsewhere: the weights are copied",
                                model.checkpoint().root(),
                                folder);
            }
            Optional<Path> data =
                    inPlace ? Optional.empty() : Optional.of(target.resolveSibling(target.getFileName() + ".data"));
            write(graph, target, folder, data);
            return new Exported(
                    target, data, plan.readings().stream().map(Reading::site).toList());
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e, e);
        }
    }

    private Map<String, String> metadata(OptGraph graph) {
        Map<String, String> metadata = new LinkedHashMap<>(model.provenance());
        metadata.put(GraphBuilder.CONFIG, model.configText());
        metadata.put(ExportedFile.WEIGHTS, model.fingerprint(graph.weights()));
        metadata.put("modscan.version", ModscanVersion.current());
        return metadata;
    }

    private void write(OptGraph graph, Path target, Path folder, Optional<Path> data) throws IOException {
        List<WeightBytes> weights = graph.weights().stream()
                .map(tensor -> new WeightBytes(tensor.name(), tensor.file(), tensor.offset(), tensor.length()))
                .toList();
        byte[] model = graph.serialise(
                data.isEmpty() ? GraphBuilder.WeightLocation.inPlace(folder) : copied(weights, data.get()),
                metadata(graph),
                ModscanVersion.current());
        CopiedWeights.write(target, model, data.orElse(null), weights);
    }

    private static GraphBuilder.WeightLocation copied(List<WeightBytes> weights, Path data) {
        Map<String, Long> offsets = new LinkedHashMap<>();
        List<Long> begins = CopiedWeights.offsets(weights);
        for (int i = 0; i < weights.size(); i++) {
            offsets.put(weights.get(i).name(), begins.get(i));
        }
        return new GraphBuilder.WeightLocation() {
            @Override
            public String file(StoredTensor tensor) {
                return String.valueOf(data.getFileName());
            }

            @Override
            public long offset(StoredTensor tensor) {
                return Objects.requireNonNull(offsets.get(tensor.name()), tensor.name());
            }
        };
    }
}
