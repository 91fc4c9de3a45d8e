package io.modscan.onnx;

import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Reading;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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

    /** Tensors in the data file begin at multiples of this, so that they can be mapped. */
    private static final long ALIGNMENT = 64;

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
        CapturePlan plan = CapturePlan.of(
                model.sites(),
                wanted.stream()
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
        metadata.put(ExportedFile.CONFIG, model.configText());
        metadata.put(ExportedFile.WEIGHTS, model.fingerprint(graph.weights()));
        metadata.put("modscan.version", version());
        return metadata;
    }

    static String version() {
        String version = Export.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    /**
     * The weights come first, so that there is never a graph without them; and an older graph goes before they do, so that
     * there is never one with others' weights.
     */
    private void write(OptGraph graph, Path target, Path folder, Optional<Path> data) throws IOException {
        Map<String, Long> offsets = data.isEmpty() ? Map.of() : offsets(graph);
        byte[] model = graph.serialise(
                data.isEmpty() ? GraphBuilder.WeightLocation.inPlace(folder) : copied(offsets, data.get()),
                metadata(graph),
                version());
        WholeFile.write(target, aside -> {
            Files.write(aside, model);
            if (data.isPresent()) {
                WholeFile.write(data.get(), copy -> {
                    copyWeights(graph, offsets, copy);
                    Files.deleteIfExists(target);
                });
            }
        });
    }

    private static void copyWeights(OptGraph graph, Map<String, Long> offsets, Path data) throws IOException {
        try (FileChannel out = FileChannel.open(data, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (StoredTensor weight : graph.weights()) {
                out.position(Objects.requireNonNull(offsets.get(weight.name()), weight.name()));
                copy(weight, out);
            }
            out.force(true);
        }
    }

    private static void copy(StoredTensor weight, FileChannel out) throws IOException {
        try (FileChannel in = FileChannel.open(weight.file(), StandardOpenOption.READ)) {
            long done = 0;
            while (done < weight.length()) {
                long moved = in.transferTo(weight.offset() + done, weight.length() - done, out);
                if (moved <= 0) {
                    throw new IOException(weight.file() + " ended while tensor '" + weight.name() + "' was copied");
                }
                done += moved;
            }
        }
    }

    /** Where each copied weight begins in the data file, by name. */
    private static Map<String, Long> offsets(OptGraph graph) {
        Map<String, Long> offsets = new LinkedHashMap<>();
        long end = 0;
        for (StoredTensor weight : graph.weights()) {
            long begin = Math.multiplyExact(Math.floorDiv(Math.addExact(end, ALIGNMENT - 1), ALIGNMENT), ALIGNMENT);
            offsets.put(weight.name(), begin);
            end = Math.addExact(begin, weight.length());
        }
        return offsets;
    }

    private static GraphBuilder.WeightLocation copied(Map<String, Long> offsets, Path data) {
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
