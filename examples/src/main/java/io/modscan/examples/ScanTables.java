package io.modscan.examples;

import com.fasterxml.jackson.jr.ob.JSON;
import de.siegmar.fastcsv.writer.CsvWriter;
import io.modscan.core.file.WholeFile;
import io.modscan.core.site.Site;
import io.modscan.metrics.attention.KeyQuery;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.Unit;
import io.modscan.metrics.selectivity.ImportanceMap;
import io.modscan.metrics.selectivity.ImportanceScores;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** A scan's numbers as files. A cell without a number is empty. */
record ScanTables(Scan scan) {

    /** Writes the tables and the picture, each whole or not at all, and returns their paths. */
    List<Path> write(Path folder) {
        List<Path> written = new ArrayList<>();
        written.add(whole(folder.resolve("units.csv"), this::writeUnits));
        written.add(whole(folder.resolve("sites.csv"), this::writeSites));
        Path heads = folder.resolve("heads.csv");
        if (scan.behaviour().isPresent()) {
            written.add(whole(heads, this::writeHeads));
        } else {
            removeOfEarlierScan(heads);
        }
        written.add(whole(folder.resolve("modules.csv"), this::writeModules));
        written.add(whole(folder.resolve("provenance.json"), this::writeProvenance));
        written.add(whole(folder.resolve("heads.png"), file -> HeadMaps.write(scan.units(), file)));
        return written;
    }

    /** What an earlier scan left would be taken for this one's. */
    private static void removeOfEarlierScan(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": is of an earlier scan and cannot be removed: " + e, e);
        }
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
                    "hedges_g",
                    "auroc",
                    "p",
                    "q",
                    "kruskal_p",
                    "kruskal_q",
                    "share_active",
                    "mean_abs",
                    "rms",
                    "sd");
            scan.units().rows().forEach(unit -> {
                Optional<ImportanceScores> scores = scan.importance().map(map -> importance(map, unit));
                csv.writeRecord(
                        // A magnitude is a head's own number, so the row is the head's, with no unit.
                        unit.site().tensorName(),
                        text(unit.site().layer()),
                        text(unit.head()),
                        text(unit.unit()),
                        unit.label(),
                        text(unit.meanIn()),
                        text(unit.meanOut()),
                        text(unit.selectivityIndex()),
                        text(unit.hedgesG()),
                        text(unit.auroc()),
                        text(unit.p()),
                        text(unit.q()),
                        text(unit.kruskalP()),
                        text(unit.kruskalQ()),
                        scores.map(s -> text(s.shareActive())).orElse(""),
                        scores.map(s -> text(s.meanAbsolute())).orElse(""),
                        scores.map(s -> text(s.rms())).orElse(""),
                        scores.map(s -> text(s.deviation())).orElse(""));
            });
        });
    }

    private static ImportanceScores importance(ImportanceMap map, UnitSelectivity unit) {
        int index = unit.head().orElse(0) * Math.max(1, unit.site().units())
                + unit.unit().orElse(0);
        return map.get(unit.site(), index, unit.label()).in();
    }

    private void writeSites(Path file) {
        csv(file, csv -> {
            csv.writeRecord(
                    "site",
                    "layer",
                    "similarity",
                    "within",
                    "between",
                    "gap",
                    "gap_p",
                    "silhouette",
                    "silhouette_p",
                    "accuracy",
                    "accuracy_p");
            scan.separation()
                    .forEach((similarity, bySite) -> bySite.forEach((site, apart) -> csv.writeRecord(
                            site.name(),
                            text(site.layer()),
                            similarity,
                            text(apart.within()),
                            text(apart.between()),
                            text(apart.gap()),
                            text(apart.gapP()),
                            text(apart.silhouette()),
                            text(apart.silhouetteP()),
                            text(apart.accuracy()),
                            text(apart.accuracyP()))));
        });
    }

    private void writeHeads(Path file) {
        csv(file, csv -> {
            csv.writeRecord(
                    "layer", "head", "behaviour", "label", "mean_in", "mean_out", "hedges_g", "auroc", "p", "q");
            scan.behaviour()
                    .orElseThrow()
                    .rows()
                    .forEach(row -> csv.writeRecord(
                            text(row.site().layer()),
                            text(row.head()),
                            KeyQuery.Behaviour.of(row.unit().orElseThrow())
                                    .name()
                                    .toLowerCase(Locale.ROOT),
                            row.label(),
                            text(row.meanIn()),
                            text(row.meanOut()),
                            text(row.hedgesG()),
                            text(row.auroc()),
                            text(row.p()),
                            text(row.q())));
        });
    }

    private void writeModules(Path file) {
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
            scan.modules().forEach((of, grouping) -> {
                for (int i = 0; i < grouping.topics().size(); i++) {
                    ModuleTopics module = grouping.topics().get(i);
                    for (Unit unit : module.module().members()) {
                        Site site = unit.site();
                        csv.writeRecord(
                                of,
                                Integer.toString(i),
                                Integer.toString(module.module().size()),
                                text(module.module().correlation()),
                                text(module.module().p()),
                                module.topic().orElse(""),
                                module.topic().isPresent() ? text(module.share()) : "",
                                site.tensorName(),
                                text(site.layer()),
                                text(unit.head()),
                                text(unit.unit()));
                    }
                }
            });
        });
    }

    private void writeProvenance(Path file) {
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

    private static Path whole(Path file, WholeFile.Content content) {
        WholeFile.write(file, content);
        return file;
    }

    private static String text(double number) {
        return Double.toString(number);
    }

    private static String text(OptionalInt number) {
        return number.isPresent() ? Integer.toString(number.getAsInt()) : "";
    }
}
