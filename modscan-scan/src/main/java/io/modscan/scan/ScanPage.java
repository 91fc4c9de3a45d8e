package io.modscan.scan;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.subspace.SubspaceOverlap;
import io.modscan.report.Report;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/** What a scan found, as a page. */
final class ScanPage {

    /** Shuffles of labels for their subspaces: enough to be told from chance by eye. */
    private static final int SHUFFLES = 50;

    private static final int MOST_DIRECTIONS = 3;

    private ScanPage() {}

    static Report of(ScanResult scan, Scan settings) {
        Report report = Report.of(scan.prompts(), scan.label())
                .title(settings.title())
                .units(scan.units(), scan.activations())
                .nonFinite(scan.nonFinite())
                .provenance(shortFacts(scan));
        scan.halves().ifPresent(report::halves);
        scan.contexts().ifPresent(contexts -> report.contexts(contexts, scan.pieces()));
        scan.tokens().ifPresent(tokens -> {
            report.texts(tokens.texts(), scan.pieces());
            tokens.labels().ifPresent(labels -> report.tokenLabels("kinds of tokens", labels));
            tokens.parts().ifPresent(parts -> report.tokenLabels("parts of prompts", parts));
            tokens.steps().ifPresent(report::steps);
        });
        scan.behaviour().ifPresent(report::behaviour);
        scan.vectors().ifPresent(report::similarity);
        scan.separation().forEach(report::separation);
        scan.modules().forEach(each -> report.modules(each.of(), each.found(), each.topics(), each.values()));
        scan.vectors()
                .filter(vectors -> vectors.sites().stream().anyMatch(site -> ScanSites.STREAM.selects(site.site())))
                .ifPresent(vectors -> addStream(report, scan, vectors.only(ScanSites.STREAM)));
        scan.patterns().ifPresent(patterns -> report.attention(patterns, tokens(settings)));
        return report;
    }

    private static Map<String, String> shortFacts(ScanResult scan) {
        Map<String, String> facts = new TreeMap<>(scan.provenance());
        facts.keySet().removeAll(List.of(TokenUnits.PROMPTS, TokenUnits.NEURONS_TAKEN));
        return facts;
    }

    /** For each pair of units, what a basis takes while it is fitted (its Javadoc says so); a subspace takes less. */
    private static final long BYTES_OF_DECOMPOSITION = 55;

    private static void addStream(Report report, ScanResult scan, Activations stream) {
        List<SiteActivations> sites = stream.sites();
        report.bases(bySite(sites, site -> site.measure(Basis.centred())));
        // A subspace is told from chance where it is of at most half as many dimensions as the label has prompts.
        List<String> labels = scan.prompts().labels(scan.label());
        int fewest = labels.stream()
                .mapToInt(each -> Collections.frequency(labels, each))
                .min()
                .orElse(0);
        int directions = Math.min(MOST_DIRECTIONS, fewest / 2);
        if (directions > 0 && isFinite(stream)) {
            // Of pairs the page tells angles, and no p.
            SubspaceOverlap overlap = SubspaceOverlap.by(scan.label(), directions)
                    .withShuffles(SHUFFLES)
                    .withoutTestsOfPairs();
            report.subspaces(bySite(sites, site -> site.measure(overlap)));
        }
    }

    private static <R> Map<Site, R> bySite(List<SiteActivations> sites, Function<SiteActivations, R> measure) {
        List<Supplier<R>> work = new ArrayList<>();
        sites.forEach(site -> work.add(() -> measure.apply(site)));
        long widest =
                sites.stream().mapToLong(site -> site.site().width()).max().orElse(0);
        List<R> results = Together.of(work, BYTES_OF_DECOMPOSITION * widest * widest);
        Map<Site, R> bySite = new LinkedHashMap<>();
        for (int i = 0; i < sites.size(); i++) {
            bySite.put(sites.get(i).site(), results.get(i));
        }
        return bySite;
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
    private static IntFunction<String> tokens(Scan settings) {
        Model model = settings.model();
        Prompts prompts = settings.prompts();
        return model != null
                        && prompts != null
                        && prompts.stream()
                                .allMatch(prompt -> prompt.text().isPresent()
                                        && prompt.tokenIds().isEmpty())
                ? id -> model.tokenizer().decode(id)
                : Integer::toString;
    }
}
