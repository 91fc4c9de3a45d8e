package io.modscan.scan;

import io.modscan.core.error.ModscanException;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.scan.AblationScan.Part;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** What an ablation scan found, as text. */
final class AblationText {

    /** How many of the most needed are named. */
    private static final int TOP = 3;

    private AblationText() {}

    static String of(AblationResult result, AblationScan scan) {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        EffectMap heads = result.heads();
        out.printf(
                "%nThe %s of each label when a unit is switched off (replaced by: %s).%n"
                        + "Needed: the label gets worse, and by more than all others do, %s%n"
                        + "Benjamini-Hochberg over %d targets x labels). In brackets: 95 %% intervals.%n",
                heads.outcome(),
                LabelledRun.words(scan.settings().by),
                heads.sense() == Outcome.Sense.DISTANCE
                        ? "the second at q <= 0.05 (Mann-Whitney;"
                        : "each at q <= 0.05 (two-sided Wilcoxon of signed ranks; Mann-Whitney;",
                heads.targets().size() * heads.labels().size());
        EffectText.warnings(heads, out);
        String what = scan.targets().isEmpty() ? "heads" : "targets";
        heads.labels().forEach(label -> print(heads, label, what, out));
        result.units().ifPresent(units -> print(heads, units, out));
        result.modules().ifPresent(modules -> print(modules, out));
        if (scan.with(Part.MODULES) && result.modules().isEmpty()) {
            out.printf(
                    "%nNo modules: none was found, or there are too few prompts, or no heads and neurons to look among.%n");
        }
        EffectText.print(result.curves(), heads.sense(), out);
        if (scan.with(Part.CURVES) && result.curves().isEmpty()) {
            out.printf("%nNo curves: the model has no mlp.hook_post.%n");
        }
        out.printf(
                Locale.ROOT,
                "%nCost: %.1f forward passes of %d prompts%s%n%n",
                result.passes(),
                result.prompts().size(),
                scan.sets() == 0 ? "" : " at most, " + scan.sets() + " random sets beside each target among them");
        out.flush();
        return text.toString();
    }

    private static void print(EffectMap heads, String label, String what, PrintWriter out) {
        long needed = heads.rows(label).filter(UnitEffect::isNeeded).count();
        UnitEffect any = heads.rows(label).findFirst().orElseThrow();
        out.printf(
                Locale.ROOT,
                "%n%s (%d prompts, %.3f untouched): needs %d of %d %s%n",
                ModscanException.printable(label),
                any.prompts(),
                any.untouched(),
                needed,
                heads.targets().size(),
                what);
        List<UnitEffect> top = heads.top(label, TOP);
        top.forEach(row -> EffectText.print("needs", row, out));
        if (top.isEmpty()) {
            heads.rows(label)
                    .filter(row -> Double.isFinite(row.selective()))
                    .max(Comparator.comparingDouble(UnitEffect::selective))
                    .ifPresentOrElse(
                            row -> EffectText.print("at most", row, out),
                            () -> out.println("  not measured: effects are NaN or infinite"));
        }
    }

    private static void print(EffectMap heads, SelectivityMap units, PrintWriter out) {
        double own = heads.rankCorrelation(units, UnitEffect::selective);
        if (!Double.isNaN(own)) {
            out.printf(
                    Locale.ROOT,
                    "%nDoes it light up for what needs it? Spearman's rank correlation of the AUROC and the effect: %+.3f;%n"
                            + "of the AUROC and the effect's difference from the others': %+.3f (over units and labels)%n",
                    heads.rankCorrelation(units, UnitEffect::effect),
                    own);
        }
    }

    private static void print(EffectMap modules, PrintWriter out) {
        out.printf("%nModules switched off, largest first; * is needed by the label%n%s", EffectText.line(""));
        modules.labels().forEach(label -> out.print(EffectText.column(ModscanException.printable(label)) + " "));
        out.println();
        for (Target module : modules.targets()) {
            List<UnitEffect> rows = modules.labels().stream()
                    .map(label -> modules.get(module.name(), label))
                    .toList();
            out.print(EffectText.line(ModscanException.printable(module.name()) + ": "
                    + module.units().size()));
            rows.forEach(row -> out.print(EffectText.column(String.format(Locale.ROOT, "%+.2f", row.effect()))
                    + (row.isNeeded() ? "*" : " ")));
            out.println();
            if (!Double.isNaN(rows.get(0).matched())) {
                out.print(EffectText.line("  random, as many"));
                rows.forEach(
                        row -> out.print(EffectText.column(String.format(Locale.ROOT, "%+.2f", row.matched())) + " "));
                out.println();
            }
        }
    }
}
