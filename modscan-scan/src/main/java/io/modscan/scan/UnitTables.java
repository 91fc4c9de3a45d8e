package io.modscan.scan;

import io.modscan.core.site.Site;
import io.modscan.metrics.selectivity.ImportanceScores;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitConsistency;
import io.modscan.metrics.similarity.LabelSeparation;
import io.modscan.metrics.statistics.BenjaminiHochberg;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.PrimitiveIterator;
import java.util.stream.DoubleStream;

/** The tables of units, of their layers' vectors, and of what heads attend to. */
final class UnitTables {

    private UnitTables() {}

    static void units(ScanResult scan, Path file) {
        Csv.write(file, csv -> {
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
                    "sd",
                    "non_finite");
            scan.units().rows().forEach(row -> {
                Optional<UnitConsistency> halves = scan.halves().map(map -> map.get(row.unit(), row.label()));
                Optional<ImportanceScores> scores = scan.importance()
                        .map(map -> map.get(row.unit(), row.label()).in());
                csv.writeRecord(
                        // A magnitude is a head's own number, so the row is the head's, with no unit.
                        Csv.text(row.unit().site().tensorName()),
                        Csv.text(row.unit().site().layer()),
                        Csv.text(row.unit().head()),
                        Csv.text(row.unit().unit()),
                        Csv.text(row.label()),
                        Csv.text(row.meanIn()),
                        Csv.text(row.meanOut()),
                        Csv.text(row.selectivityIndex()),
                        Csv.text(row.hedgesG()),
                        Csv.text(row.auroc()),
                        Csv.text(row.p()),
                        Csv.text(row.q()),
                        Csv.text(row.kruskalP()),
                        Csv.text(row.kruskalQ()),
                        halves.map(h -> Csv.text(h.firstAuroc())).orElse(""),
                        halves.map(h -> Csv.text(h.secondAuroc())).orElse(""),
                        scores.map(s -> Csv.text(s.shareActive())).orElse(""),
                        scores.map(s -> Csv.text(s.meanAbsolute())).orElse(""),
                        scores.map(s -> Csv.text(s.rms())).orElse(""),
                        scores.map(s -> Csv.text(s.deviation())).orElse(""),
                        Integer.toString(scan.units().nonFinite(row.unit())));
            });
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
