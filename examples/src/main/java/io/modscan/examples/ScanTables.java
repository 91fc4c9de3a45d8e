package io.modscan.examples;

import com.fasterxml.jackson.jr.ob.JSON;
import de.siegmar.fastcsv.writer.CsvWriter;
import io.modscan.core.file.WholeFile;
import io.modscan.core.site.Unit;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.UnitModule;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.ImportanceScores;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitConsistency;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import io.modscan.report.Picture;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.PrimitiveIterator;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.DoubleStream;

/** A scan's numbers as files. A cell without a number is empty. */
record ScanTables(Path folder) {

    /** Writes tables and picture, each whole or not at all, and returns their paths. */
    List<Path> write(Scan scan) {
        List<Path> written = new ArrayList<>();
        written.add(whole("units.csv", file -> writeUnits(scan, file)));
        written.add(whole("sites.csv", file -> writeSites(scan, file)));
        scan.behaviour()
                .ifPresentOrElse(
                        behaviour -> written.add(whole("heads.csv", file -> writeHeads(behaviour, file))),
                        () -> removeOfEarlierScan("heads.csv"));
        written.add(whole("provenance.json", file -> writeProvenance(scan, file)));
        Path heads = folder.resolve("heads.png");
        Picture.heads(scan.units(), Criterion.standard()).png(heads);
        written.add(heads);
        return written;
    }

    /** Writes the modules' members, and how many there are beside shuffled values. */
    List<Path> writeModules(List<ScanModules> modules) {
        if (modules.isEmpty()) {
            removeOfEarlierScan("modules.csv");
            removeOfEarlierScan("modularity.csv");
            return List.of();
        }
        return List.of(
                whole("modules.csv", file -> writeMembers(modules, file)),
                whole("modularity.csv", file -> writeModularity(modules, file)));
    }

    /** Writes what there is to look at. */
    Path writePage(String title, Scan scan, String label, List<ScanModules> modules, IntFunction<String> token) {
        Path file = folder.resolve("report.html");
        ScanPage.write(title, scan, label, modules, token, file);
        return file;
    }

    /** What an earlier scan left would be taken for this one's. */
    private void removeOfEarlierScan(String name) {
        Path file = folder.resolve(name);
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": is of an earlier scan and cannot be removed: " + e, e);
        }
    }

    private static void writeUnits(Scan scan, Path file) {
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
                    "hedges_g",
                    "auroc",
                    "p",
                    "q",
                    "kruskal_p",
                    "kruskal_q",
                    "auroc_first_half",
                    "auroc_second_half",
                    "share_active",
                    "mean_abs",
                    "rms",
                    "sd");
            scan.units().rows().forEach(row -> {
                UnitConsistency halves = scan.halves().get(row.unit(), row.label());
                Optional<ImportanceScores> scores = scan.importance()
                        .map(map -> map.get(row.unit(), row.label()).in());
                csv.writeRecord(
                        // A magnitude is a head's own number, so the row is the head's, with no unit.
                        row.unit().site().tensorName(),
                        text(row.unit().site().layer()),
                        text(row.unit().head()),
                        text(row.unit().unit()),
                        row.label(),
                        text(row.meanIn()),
                        text(row.meanOut()),
                        text(row.selectivityIndex()),
                        text(row.hedgesG()),
                        text(row.auroc()),
                        text(row.p()),
                        text(row.q()),
                        text(row.kruskalP()),
                        text(row.kruskalQ()),
                        text(halves.firstAuroc()),
                        text(halves.secondAuroc()),
                        scores.map(s -> text(s.shareActive())).orElse(""),
                        scores.map(s -> text(s.meanAbsolute())).orElse(""),
                        scores.map(s -> text(s.rms())).orElse(""),
                        scores.map(s -> text(s.deviation())).orElse(""));
            });
        });
    }

    /** The q-values are over all p-values of this table, three a row. */
    private static void writeSites(Scan scan, Path file) {
        double[] q = BenjaminiHochberg.adjust(scan.separation().values().stream()
                .flatMap(bySite -> bySite.values().stream())
                .flatMapToDouble(apart -> DoubleStream.of(apart.gapP(), apart.silhouetteP(), apart.accuracyP()))
                .toArray());
        PrimitiveIterator.OfDouble next = Arrays.stream(q).iterator();
        csv(file, csv -> {
            csv.writeRecord(
                    "site",
                    "layer",
                    "similarity",
                    "prompts",
                    "left_out",
                    "within",
                    "between",
                    "gap",
                    "gap_se",
                    "gap_p",
                    "gap_q",
                    "silhouette",
                    "silhouette_se",
                    "silhouette_p",
                    "silhouette_q",
                    "accuracy",
                    "accuracy_se",
                    "accuracy_p",
                    "accuracy_q");
            scan.separation()
                    .forEach((similarity, bySite) -> bySite.forEach((site, apart) -> csv.writeRecord(
                            site.name(),
                            text(site.layer()),
                            similarity,
                            Long.toString(apart.prompts()),
                            Long.toString(apart.leftOut()),
                            text(apart.within()),
                            text(apart.between()),
                            text(apart.gap()),
                            text(apart.gapError()),
                            text(apart.gapP()),
                            text(next.nextDouble()),
                            text(apart.silhouette()),
                            text(apart.silhouetteError()),
                            text(apart.silhouetteP()),
                            text(next.nextDouble()),
                            text(apart.accuracy()),
                            text(apart.accuracyError()),
                            text(apart.accuracyP()),
                            text(next.nextDouble()))));
        });
    }

    private static void writeHeads(SelectivityMap behaviour, Path file) {
        csv(file, csv -> {
            csv.writeRecord(
                    "layer",
                    "head",
                    "behaviour",
                    "label",
                    "mean_in",
                    "mean_out",
                    "hedges_g",
                    "auroc",
                    "p",
                    "q",
                    "kruskal_p",
                    "kruskal_q");
            behaviour
                    .rows()
                    .forEach(row -> csv.writeRecord(
                            text(row.unit().site().layer()),
                            text(row.unit().head()),
                            row.unit().name().orElseThrow().toLowerCase(Locale.ROOT),
                            row.label(),
                            text(row.meanIn()),
                            text(row.meanOut()),
                            text(row.hedgesG()),
                            text(row.auroc()),
                            text(row.p()),
                            text(row.q()),
                            text(row.kruskalP()),
                            text(row.kruskalQ())));
        });
    }

    private static void writeMembers(List<ScanModules> modules, Path file) {
        csv(file, csv -> {
            csv.writeRecord(
                    "of",
                    "module",
                    "size",
                    "correlation",
                    "p",
                    "topic",
                    "topic_share",
                    "site",
                    "layer",
                    "head",
                    "unit");
            for (ScanModules found : modules) {
                for (int i = 0; i < found.topics().size(); i++) {
                    ModuleTopics module = found.topics().get(i);
                    for (Unit unit : module.module().members()) {
                        csv.writeRecord(
                                found.of(),
                                Integer.toString(i),
                                Integer.toString(module.module().size()),
                                text(module.module().correlation()),
                                text(module.module().p()),
                                module.topic().orElse(""),
                                module.topic().isPresent() ? text(module.share()) : "",
                                unit.site().tensorName(),
                                text(unit.site().layer()),
                                text(unit.head()),
                                text(unit.unit()));
                    }
                }
            }
        });
    }

    private static void writeModularity(List<ScanModules> modules, Path file) {
        csv(file, csv -> {
            csv.writeRecord(
                    "of",
                    "modules",
                    "units_in_modules",
                    "units_alone",
                    "units_left_out",
                    "threshold",
                    "links",
                    "modularity",
                    "shuffled_mean",
                    "shuffled_sd",
                    "z",
                    "p");
            for (ScanModules each : modules) {
                ModuleMap found = each.found();
                csv.writeRecord(
                        each.of(),
                        Integer.toString(found.modules().size()),
                        Integer.toString(found.modules().stream()
                                .mapToInt(UnitModule::size)
                                .sum()),
                        Integer.toString(found.singletons().size()),
                        Integer.toString(found.leftOut().size()),
                        text(found.threshold()),
                        Long.toString(found.links()),
                        text(found.modularity().observed()),
                        text(found.modularity().mean()),
                        text(found.modularity().sd()),
                        text(found.modularity().z()),
                        text(found.modularity().p()));
            }
        });
    }

    private static void writeProvenance(Scan scan, Path file) {
        try {
            JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).write(scan.provenance(), file.toFile());
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

    private Path whole(String name, WholeFile.Content content) {
        Path file = folder.resolve(name);
        WholeFile.write(file, content);
        return file;
    }

    private static String text(double number) {
        return Double.isNaN(number) ? "" : Double.toString(number);
    }

    private static String text(OptionalInt number) {
        return number.isPresent() ? Integer.toString(number.getAsInt()) : "";
    }
}
