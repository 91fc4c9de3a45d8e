package io.modscan.scan;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.SiteSelector;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** What an attribution scan found, as text. */
final class AttributionText {

    /** How many of the most used are named. */
    private static final int TOP = 3;

    private AttributionText() {}

    static String of(AttributionResult result, AttributionScan scan) {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        EffectMap estimated = result.estimated();
        out.printf(
                "%nBy how much the %s of each label would change without a unit, as its gradient estimates (replaced by: %s).%n"
                        + "Used: the label would get worse, and by more than all others would, each at q <= 0.05 (two-sided Wilcoxon of signed ranks; Mann-Whitney;%n"
                        + "Benjamini-Hochberg over %d units x labels). In brackets: 95 %% intervals. Of each label the %d that are told best from chance, and the brightest.%n",
                estimated.outcome().replaceFirst(", estimated$", ""),
                LabelledRun.words(scan.settings().by),
                estimated.targets().size() * estimated.labels().size(),
                TOP);
        EffectText.warnings(estimated, out);
        estimated.labels().forEach(label -> print(result, label, out));
        print("heads", ScanSites.HEADS, result, out);
        print("neurons", ScanSites.NEURONS, result, out);
        result.measured()
                .ifPresent(measured -> out.printf(
                        Locale.ROOT,
                        "%nDo estimates hold? %d units were switched off, one at a time. Spearman's rank correlation of the estimate and the effect%n"
                                + "measured: %+.3f; of their differences from the others': %+.3f (over units and labels)%n",
                        measured.targets().size(),
                        estimated.rankCorrelation(measured, UnitEffect::effect),
                        estimated.rankCorrelation(measured, UnitEffect::selective)));
        result.modules().forEach(modules -> out.print(modules.summary()));
        EffectText.print(result.curves(), estimated.sense(), out);
        if (scan.hasCurves() && result.curves().isEmpty()) {
            out.printf("%nNo curves: mlp.hook_post was not looked at.%n");
        }
        out.println();
        out.flush();
        return text.toString();
    }

    private static void print(AttributionResult result, String label, PrintWriter out) {
        EffectMap estimated = result.estimated();
        SelectivityMap lights = result.units();
        List<UnitEffect> rows = estimated
                .rows(label)
                .filter(row -> Double.isFinite(row.selective()))
                .toList();
        out.printf(
                "%n%s (%d prompts): uses %d of %d units; %d matter more to it than to others%n",
                ModscanException.printable(label),
                estimated.rows(label).findFirst().orElseThrow().prompts(),
                rows.stream().filter(UnitEffect::isNeeded).count(),
                estimated.targets().size(),
                rows.stream()
                        .filter(row -> row.sense().harm(row.selective()) > 0 && row.selectiveQ() <= 0.05)
                        .count());
        rows.stream()
                .filter(row -> Double.isFinite(least(row)))
                .sorted(Comparator.comparingDouble(row -> -least(row)))
                .limit(TOP)
                .forEach(row -> print(row.isNeeded() ? "uses" : "at most", row, lights, out));
        rows.stream()
                .filter(row -> Double.isFinite(lights.get(row.unit(), label).auroc()))
                .max(Comparator.comparingDouble(
                        row -> lights.get(row.unit(), label).auroc()))
                .ifPresentOrElse(
                        row -> print("lit", row, lights, out),
                        () -> out.println("  not measured: values or attributions are NaN or infinite"));
    }

    /** How much more the label uses a unit than others do, at the lower end of the interval: a mean of few prompts may be large by chance. */
    private static double least(UnitEffect row) {
        return Math.min(row.sense().harm(row.selectiveLow()), row.sense().harm(row.selectiveHigh()));
    }

    private static void print(String how, UnitEffect row, SelectivityMap lights, PrintWriter out) {
        EffectText.print(
                how,
                row,
                out,
                String.format(
                        Locale.ROOT,
                        "; AUROC %.3f",
                        lights.get(row.unit(), row.label()).auroc()));
    }

    private static void print(String what, SiteSelector which, AttributionResult result, PrintWriter out) {
        double own = result.estimated()
                .rankCorrelation(
                        result.units(),
                        row -> which.selects(row.unit().site()) ? row.sense().harm(row.selective()) : Double.NaN);
        if (!Double.isNaN(own)) {
            out.printf(
                    Locale.ROOT,
                    "%nIs what lights up used? Over %s and labels, Spearman's rank correlation of the AUROC and how much more the label uses the unit than%n"
                            + "others do: %+.3f%n",
                    what,
                    own);
        }
    }
}
