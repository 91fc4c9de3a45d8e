package io.modscan.scan;

import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** The tables of effects and of curves. */
final class EffectTables {

    private static final List<String> HEADER = List.of(
            "site",
            "layer",
            "head",
            "unit",
            "target",
            "units",
            "label",
            "prompts",
            "untouched",
            "effect",
            "low",
            "high",
            "p",
            "q",
            "others",
            "selective",
            "selective_low",
            "selective_high",
            "selective_p",
            "selective_q",
            "sets",
            "matched",
            "matched_p");

    private EffectTables() {}

    static void effects(AblationResult result, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(HEADER);
            result.heads().rows().forEach(row -> csv.writeRecord(cells(row)));
            result.modules().ifPresent(modules -> modules.rows().forEach(row -> csv.writeRecord(cells(row))));
        });
    }

    /** What is estimated of each unit, and how its value and its attribution tell labels apart. */
    static void estimated(AttributionResult result, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(with(HEADER, "auroc", "auroc_q", "used_auroc", "used_q"));
            Map<Site, Site> attributions = new HashMap<>();
            result.used().sites().forEach(site -> attributions.put(site.forward(), site));
            result.estimated().rows().forEach(row -> {
                UnitSelectivity lights = result.units().get(row.unit(), row.label());
                Site site = row.unit().site();
                Unit attribution = Unit.of(
                        Objects.requireNonNull(attributions.get(site.forward())),
                        row.unit().inSite());
                UnitSelectivity used = result.used().get(attribution, row.label());
                csv.writeRecord(with(
                        cells(row),
                        Csv.text(lights.auroc()),
                        Csv.text(lights.q()),
                        Csv.text(used.auroc()),
                        Csv.text(used.q())));
            });
        });
    }

    /** What was measured, beside its estimate. */
    static void measured(EffectMap measured, EffectMap estimated, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(with(HEADER, "estimated", "estimated_others"));
            measured.rows().forEach(row -> {
                UnitEffect estimate = estimated.get(row.target(), row.label());
                csv.writeRecord(with(cells(row), Csv.text(estimate.effect()), Csv.text(estimate.others())));
            });
        });
    }

    private static List<String> with(List<String> cells, String... more) {
        return Stream.concat(cells.stream(), Arrays.stream(more)).toList();
    }

    private static List<String> cells(UnitEffect row) {
        // Several units have no one place.
        Optional<Unit> alone = row.units() == 1 ? Optional.of(row.unit()) : Optional.empty();
        return List.of(
                alone.map(unit -> Csv.text(unit.site().tensorName())).orElse(""),
                alone.map(unit -> Csv.text(unit.site().layer())).orElse(""),
                alone.map(unit -> Csv.text(unit.head())).orElse(""),
                alone.map(unit -> Csv.text(unit.unit())).orElse(""),
                Csv.text(row.target()),
                Integer.toString(row.units()),
                Csv.text(row.label()),
                Long.toString(row.prompts()),
                Csv.text(row.untouched()),
                Csv.text(row.effect()),
                Csv.text(row.low()),
                Csv.text(row.high()),
                Csv.text(row.p()),
                Csv.text(row.q()),
                Csv.text(row.others()),
                Csv.text(row.selective()),
                Csv.text(row.selectiveLow()),
                Csv.text(row.selectiveHigh()),
                Csv.text(row.selectiveP()),
                Csv.text(row.selectiveQ()),
                Integer.toString(row.sets()),
                Csv.text(row.matched()),
                Csv.text(row.matchedP()));
    }

    static void curves(List<Curve> curves, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(
                    "ranking",
                    "label",
                    "keeps_only",
                    "untouched",
                    "everything",
                    "share",
                    "units",
                    "outcome",
                    "low",
                    "high",
                    "cpr",
                    "cmd");
            curves.forEach(curve -> curve.points()
                    .forEach(point -> csv.writeRecord(
                            Csv.text(curve.ranking()),
                            Csv.text(curve.label()),
                            Boolean.toString(curve.keepsOnly()),
                            Csv.text(curve.untouched()),
                            Csv.text(curve.everything()),
                            Csv.text(point.share()),
                            Integer.toString(point.units()),
                            Csv.text(point.outcome()),
                            Csv.text(point.low()),
                            Csv.text(point.high()),
                            curve.keepsOnly() ? Csv.text(curve.cpr()) : "",
                            curve.keepsOnly() ? Csv.text(curve.cmd()) : "")));
        });
    }
}
