package io.modscan.examples;

import io.modscan.core.Activations;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Sites;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.subspace.SubspaceOverlap;
import io.modscan.report.Report;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.function.IntFunction;

/** What a scan found, as a page. */
final class ScanPage {

    /** Shuffles of labels for their subspaces: enough to be told from chance by eye. */
    private static final int SHUFFLES = 50;

    private static final int MOST_DIRECTIONS = 3;

    private ScanPage() {}

    static void write(
            String title, Scan scan, String label, List<ScanModules> modules, IntFunction<String> token, Path file) {
        Report report = Report.of(scan.pooled().prompts(), label)
                .title(title)
                .units(scan.units(), scan.pooled())
                .similarity(scan.vectors())
                .provenance(scan.provenance());
        scan.separation().forEach(report::separation);
        modules.forEach(each -> report.modules(each.of(), each.found(), each.topics(), each.values()));
        Activations stream = scan.vectors().only(Sites.residPost());
        report.bases(stream.measure(Basis.centred().perSite()));
        // A subspace is told from chance where it is of at most half as many dimensions as the label has prompts.
        List<String> labels = scan.pooled().prompts().labels(label);
        int fewest = labels.stream()
                .mapToInt(each -> Collections.frequency(labels, each))
                .min()
                .orElse(0);
        int directions = Math.min(MOST_DIRECTIONS, fewest / 2);
        if (directions > 0 && isFinite(stream)) {
            report.subspaces(stream.measure(
                    SubspaceOverlap.by(label, directions).withShuffles(SHUFFLES).perSite()));
        }
        scan.patterns().ifPresent(patterns -> report.attention(patterns, token));
        report.write(file);
    }

    private static boolean isFinite(Activations values) {
        return values.sites().stream().allMatch(site -> {
            for (float[] vector : site.vectors()) {
                for (float value : vector) {
                    if (!Float.isFinite(value)) {
                        return false;
                    }
                }
            }
            return true;
        });
    }

    /** What a token is called: by its text where prompts are texts, so that there is a tokenizer; else by its id. */
    static IntFunction<String> tokens(Model model, Prompts prompts) {
        return prompts.stream()
                        .allMatch(prompt ->
                                prompt.text().isPresent() && prompt.tokenIds().isEmpty())
                ? id -> model.tokenizer().decode(id)
                : Integer::toString;
    }
}
