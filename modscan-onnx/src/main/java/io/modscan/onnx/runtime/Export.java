package io.modscan.onnx.runtime;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Writes a model as an ONNX file whose outputs are the model's sites. Immutable. {@link RuntimeModel#export()} begins one.
 *
 * <p>The file holds no weights beside those that are small. Where it lies in the folder of the weights' own files or above it,
 * it refers to the bytes there. Elsewhere it can't, since ONNX allows no path that leaves the model's folder; then, or on
 * demand, the weights are copied to a second file {@code NAME.onnx.data} beside it.
 */
public interface Export {

    /**
     * What was written.
     *
     * @param model the ONNX file
     * @param data  the file of copied weights, or empty if the model refers to where they are, or has none
     * @param sites the sites that are outputs, in order
     */
    record Exported(Path model, Optional<Path> data, List<Site> sites) {

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
    Export sites(SiteSelector... selectors);

    /**
     * The same export with the weights copied beside it, so that the two files can be moved or shipped.
     *
     * @return a copy
     */
    Export selfContained();

    /**
     * Writes the file; it appears whole or not at all.
     *
     * @param file where to; its name ends in {@code .onnx}; an existing one is replaced
     * @return what was written
     * @throws ModscanException     if a selector matches nothing, the name has another ending, an ONNX model of another kind is read
     *                              from this file or from {@code NAME.onnx.data}, or no file can be written there
     * @throws UncheckedIOException if writing fails
     */
    Exported to(Path file);
}
