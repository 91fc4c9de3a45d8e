package io.modscan.scan;

import de.siegmar.fastcsv.writer.CsvWriter;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.UnitEffect;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The tables of effects and of curves. */
final class EffectTables {

    private EffectTables() {}

    static void effects(AblationResult result, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(
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
            result.heads().rows().forEach(row -> write(row, csv));
            result.modules().ifPresent(modules -> modules.rows().forEach(row -> write(row, csv)));
        });
    }

    private static void write(UnitEffect row, CsvWriter csv) {
        // Several units have no one place.
        Optional<Unit> alone = row.units() == 1 ? Optional.of(row.unit()) : Optional.empty();
        csv.writeRecord(
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
