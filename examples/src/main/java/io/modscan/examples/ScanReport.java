package io.modscan.examples;

import com.fasterxml.jackson.jr.ob.JSON;
import de.siegmar.fastcsv.writer.CsvWriter;
import io.modscan.core.file.WholeFile;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import io.modscan.metrics.similarity.LabelSimilarity;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * What a scan found, as text and as files. A unit lights up for a label if it is more active there at a false discovery
 * rate of {@link #Q}, and goes dark if it is less active.
 */
record ScanReport(SelectivityMap units, Map<Site, LabelSimilarity> layers, Map<String, String> provenance) {

    static final double Q = 0.05;

    private static final int TOP = 3;

    void print(PrintWriter out) {
        out.printf(
                Locale.ROOT,
                "%nLit up and dark at q <= %.2f (two-sided Mann-Whitney, Benjamini-Hochberg over all %d units x labels).%n",
                Q,
                units.size());
        out.printf("Effect: selectivity index (in - out) / (|in| + |out|); AUROC 0.5 tells nothing apart.%n");
        for (String label : units.labels()) {
            out.printf(
                    Locale.ROOT,
                    "%n%s (%d prompts): heads %d lit, %d dark; neurons %d lit, %d dark%n",
                    label,
                    units.prompts(label),
                    count(label, ScanReport::isHead, ScanReport::isLit),
                    count(label, ScanReport::isHead, ScanReport::isDark),
                    count(label, site -> !isHead(site), ScanReport::isLit),
                    count(label, site -> !isHead(site), ScanReport::isDark));
            printLit(out, label, "head", ScanReport::isHead);
            printLit(out, label, "neuron", site -> !isHead(site));
        }
        out.printf("%nMean cosine of the prompts' residual streams (mean over tokens)%n");
        out.printf("%-6s %12s %15s %8s%n", "layer", "same label", "other labels", "gap");
        layers.forEach((site, similarity) -> out.printf(
                Locale.ROOT,
                "%-6s %12.3f %15.3f %8.3f%n",
                text(site.layer()),
                similarity.within(),
                similarity.between(),
                similarity.within() - similarity.between()));
        out.println();
    }

    private void printLit(PrintWriter out, String label, String kind, SiteSelector which) {
        List<UnitSelectivity> lit =
                units.top(label, TOP, which).stream().filter(ScanReport::isLit).toList();
        lit.forEach(unit -> printUnit(out, kind, unit));
        if (lit.isEmpty()) {
            out.printf(Locale.ROOT, "  %-6s none lights up at q <= %.2f%n", kind, Q);
        }
    }

    private static void printUnit(PrintWriter out, String kind, UnitSelectivity unit) {
        String name = "L" + text(unit.site().layer())
                + (isHead(unit.site()) ? "H" + text(unit.head()) : "N" + text(unit.unit()));
        out.printf(
                Locale.ROOT,
                "  %-6s %-9s AUROC %.3f  effect %+.3f  q %.2g%n",
                kind,
                name,
                unit.auroc(),
                unit.selectivityIndex(),
                unit.q());
    }

    private static boolean isHead(Site site) {
        return site.heads() > 0;
    }

    private static boolean isLit(UnitSelectivity unit) {
        return unit.q() <= Q && unit.auroc() > 0.5;
    }

    private static boolean isDark(UnitSelectivity unit) {
        return unit.q() <= Q && unit.auroc() < 0.5;
    }

    private long count(String label, Predicate<Site> which, Predicate<UnitSelectivity> how) {
        return units.count(unit -> unit.label().equals(label) && which.test(unit.site()) && how.test(unit));
    }

    /** Writes the tables and the picture, each whole or not at all, and returns their paths. */
    List<Path> write(Path folder) {
        return List.of(
                whole(folder.resolve("units.csv"), this::writeUnits),
                whole(folder.resolve("sites.csv"), this::writeSites),
                whole(folder.resolve("provenance.json"), this::writeProvenance),
                whole(folder.resolve("heads.png"), file -> HeadMaps.write(units, file)));
    }

    private void writeUnits(Path file) {
        csv(file, csv -> {
            csv.writeRecord(
                    "site",
                    "layer",
                    "head",
                    "unit",
                    "label",
                    "mean_in",
                    "mean_out",
                    "selectivity_index",
                    "auroc",
                    "p",
                    "q");
            units.rows()
                    .forEach(unit -> csv.writeRecord(
                            // A magnitude is a head's own number, so the row is the head's, with no unit.
                            unit.site().tensorName(),
                            text(unit.site().layer()),
                            text(unit.head()),
                            text(unit.unit()),
                            unit.label(),
                            Double.toString(unit.meanIn()),
                            Double.toString(unit.meanOut()),
                            Double.toString(unit.selectivityIndex()),
                            Double.toString(unit.auroc()),
                            Double.toString(unit.p()),
                            Double.toString(unit.q())));
        });
    }

    private void writeSites(Path file) {
        csv(file, csv -> {
            csv.writeRecord("site", "layer", "similarity", "within", "between");
            layers.forEach((site, similarity) -> csv.writeRecord(
                    site.name(),
                    text(site.layer()),
                    "cosine",
                    Double.toString(similarity.within()),
                    Double.toString(similarity.between())));
        });
    }

    private void writeProvenance(Path file) {
        try {
            JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).write(provenance, file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e, e);
        }
    }

    private static void csv(Path file, Consumer<CsvWriter> rows) {
        try (CsvWriter csv = CsvWriter.builder().build(file, StandardCharsets.UTF_8)) {
            rows.accept(csv);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e, e);
        }
    }

    private static Path whole(Path file, WholeFile.Content content) {
        WholeFile.write(file, content);
        return file;
    }

    private static String text(OptionalInt number) {
        return number.isPresent() ? Integer.toString(number.getAsInt()) : "";
    }
}
