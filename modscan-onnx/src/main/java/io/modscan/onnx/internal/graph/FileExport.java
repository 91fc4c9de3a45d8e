package io.modscan.onnx.internal.graph;

import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.model.Model;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.onnx.runtime.Export;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.slf4j.LoggerFactory;

/** Writes a graph to a file, and its weights beside it unless they can stay where they are. */
public final class FileExport implements Export {

    private final Model model;
    private final Function<CapturePlan, Content> content;
    private final List<SiteSelector> selectors;
    private final boolean selfContained;

    /** What is written for one plan. */
    public interface Content {

        /** The sites that are outputs. */
        List<Site> sites();

        /** The folder that all files of weights are in or below. */
        Path root();

        /** The weights that lie in files. */
        List<WeightBytes> weights();

        /** The files that must not be written over, links followed: those that the open model reads by their places. */
        Set<Path> kept();

        byte[] serialise(WeightLocation location);
    }

    /**
     * Begins an export of all sites.
     *
     * @param content what a plan of the model's becomes
     */
    public FileExport(Model model, Function<CapturePlan, Content> content) {
        this(model, content, List.of(), false);
    }

    private FileExport(
            Model model, Function<CapturePlan, Content> content, List<SiteSelector> selectors, boolean selfContained) {
        this.model = model;
        this.content = content;
        this.selectors = selectors;
        this.selfContained = selfContained;
    }

    @Override
    public Export sites(SiteSelector... selectors) {
        return new FileExport(model, content, List.of(selectors), selfContained);
    }

    @Override
    public Export selfContained() {
        return new FileExport(model, content, selectors, true);
    }

    @Override
    public Exported to(Path file) {
        if (!file.toString().endsWith(".onnx")) {
            throw new ModscanException(file + ": an ONNX file's name ends in .onnx");
        }
        List<SiteSelector> wanted = selectors.isEmpty() ? List.of(Sites.all()) : selectors;
        Content written = content.apply(model.plan(wanted.stream()
                .map(selector -> new Selection(selector, Pooling.none()))
                .toList()));
        try {
            WholeFile.prepare(file);
            Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file lies in a folder")
                    .toRealPath();
            Path target = folder.resolve(file.getFileName());
            Path data = target.resolveSibling(target.getFileName() + ".data");
            Set<Path> kept = written.kept();
            if (kept.contains(target) || kept.contains(data)) {
                throw new ModscanException(file + ": is a file that the model is read from, or its data "
                        + data.getFileName() + " is; give another name");
            }
            boolean copied = copies(written, folder);
            List<WeightBytes> weights = written.weights();
            CopiedWeights.write(
                    target,
                    written.serialise(
                            copied
                                    ? WeightLocation.copied(String.valueOf(data.getFileName()), weights)
                                    : WeightLocation.inPlace(folder)),
                    copied ? data : null,
                    weights);
            return new Exported(target, copied ? Optional.of(data) : Optional.empty(), written.sites());
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e, e);
        }
    }

    private boolean copies(Content written, Path folder) {
        if (written.weights().isEmpty()) {
            return false;
        }
        boolean within = written.root().startsWith(folder);
        if (!within && !selfContained) {
            // Not as a constant: finding SLF4J's binding takes a tenth of a first export that has nothing to say.
            LoggerFactory.getLogger(Export.class)
                    .warn(
                            "{} is not below {}, and an ONNX file can't refer to files elsewhere: the weights are copied",
                            written.root(),
                            folder);
        }
        return selfContained || !within;
    }
}
