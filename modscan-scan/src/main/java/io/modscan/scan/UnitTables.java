package io.modscan.scan;

import de.siegmar.fastcsv.writer.CsvWriter;
import io.modscan.core.site.Site;
import io.modscan.metrics.selectivity.ImportanceScores;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitConsistency;
import io.modscan.metrics.selectivity.UnitImportance;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.PrimitiveIterator;
import java.util.function.Consumer;
import java.util.stream.DoubleStream;

/** The tables of units, of their layers' vectors, and of what heads attend to. */
final class UnitTables {

    private UnitTables() {}

    /** By sites, each of which is made into text by a thread. */
    static void units(ScanResult scan, Path file) {
        List<String> header = List.of(
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
                "sd",
                "non_finite");
        List<Consumer<CsvWriter>> parts = new ArrayList<>();
        scan.units().sites().forEach(site -> parts.add(csv -> units(scan, site, csv)));
        Csv.writeParts(file, header, parts);
    }

    private static void units(ScanResult scan, Site site, CsvWriter csv) {
        Iterator<UnitConsistency> halves =
                scan.halves().map(map -> map.rows(site).iterator()).orElse(Collections.emptyIterator());
        Iterator<UnitImportance> importance =
                scan.importance().map(map -> map.rows(site).iterator()).orElse(Collections.emptyIterator());
        boolean finite = scan.units().nonFinite().stream()
                .noneMatch(found -> found.site().equals(site));
        String name = Csv.text(site.tensorName());
        String layer = Csv.text(site.layer());
        Map<String, String> labels = new HashMap<>();
        scan.units().labels().forEach(label -> labels.put(label, Csv.text(label)));
        scan.units().rows(site).forEach(row -> {
            Optional<UnitConsistency> both = halves.hasNext() ? Optional.of(halves.next()) : Optional.empty();
            Optional<ImportanceScores> scores =
                    importance.hasNext() ? Optional.of(importance.next().in()) : Optional.empty();
            csv.writeRecord(
                    // A magnitude is a head's own number, so the row is the head's, with no unit.
                    name,
                    layer,
                    Csv.text(row.unit().head()),
                    Csv.text(row.unit().unit()),
                    labels.getOrDefault(row.label(), ""),
                    Csv.rounded(row.meanIn()),
                    Csv.rounded(row.meanOut()),
                    Csv.rounded(row.selectivityIndex()),
                    Csv.rounded(row.hedgesG()),
                    Csv.rounded(row.auroc()),
                    Csv.text(row.p()),
                    Csv.text(row.q()),
                    Csv.text(row.kruskalP()),
                    Csv.text(row.kruskalQ()),
                    both.map(h -> Csv.rounded(h.firstAuroc())).orElse(""),
                    both.map(h -> Csv.rounded(h.secondAuroc())).orElse(""),
                    scores.map(s -> Csv.rounded(s.shareActive())).orElse(""),
                    scores.map(s -> Csv.rounded(s.meanAbsolute())).orElse(""),
                    scores.map(s -> Csv.rounded(s.rms())).orElse(""),
                    scores.map(s -> Csv.rounded(s.deviation())).orElse(""),
                    finite ? "0" : Integer.toString(scan.units().nonFinite(row.unit())));
        });
    }

    /** The q-values are over all p-values of this table, three a row. */
    static void sites(Map<String, Map<Site, LabelSeparation>> separation, Path file) {
        double[] q = BenjaminiHochberg.adjust(separation.values().stream()
                .flatMap(bySite -> bySite.values().stream())
                .flatMapToDouble(apart -> DoubleStream.of(apart.gapP(), apart.silhouetteP(), apart.accuracyP()))
                .toArray());
        PrimitiveIterator.OfDouble next = Arrays.stream(q).iterator();
        Csv.write(file, csv -> {
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
            separation.forEach((similarity, bySite) -> bySite.forEach((site, apart) -> csv.writeRecord(
                    Csv.text(site.name()),
                    Csv.text(site.layer()),
                    similarity,
                    Long.toString(apart.prompts()),
                    Long.toString(apart.leftOut()),
                    Csv.text(apart.within()),
                    Csv.text(apart.between()),
                    Csv.text(apart.gap()),
                    Csv.text(apart.gapError()),
                    Csv.text(apart.gapP()),
                    Csv.text(next.nextDouble()),
                    Csv.text(apart.silhouette()),
                    Csv.text(apart.silhouetteError()),
                    Csv.text(apart.silhouetteP()),
                    Csv.text(next.nextDouble()),
                    Csv.text(apart.accuracy()),
                    Csv.text(apart.accuracyError()),
                    Csv.text(apart.accuracyP()),
                    Csv.text(next.nextDouble()))));
        });
    }

    static void heads(SelectivityMap behaviour, Path file) {
        Csv.write(file, csv -> {
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
                    "kruskal_q",
                    "non_finite");
            behaviour
                    .rows()
                    .forEach(row -> csv.writeRecord(
                            Csv.text(row.unit().site().layer()),
                            Csv.text(row.unit().head()),
                            Csv.text(row.unit().name().orElseThrow().toLowerCase(Locale.ROOT)),
                            Csv.text(row.label()),
                            Csv.text(row.meanIn()),
                            Csv.text(row.meanOut()),
                            Csv.text(row.hedgesG()),
                            Csv.text(row.auroc()),
                            Csv.text(row.p()),
                            Csv.text(row.q()),
                            Csv.text(row.kruskalP()),
                            Csv.text(row.kruskalQ()),
                            Integer.toString(behaviour.nonFinite(row.unit()))));
        });
    }
}
