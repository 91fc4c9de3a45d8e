package io.modscan.scan;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Curve;
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
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** What an ablation scan found, as text. */
final class AblationText {

    /** How many of the most needed are named. */
    private static final int TOP = 3;

    private static final int LONGEST_NAME = 34;
    private static final int COLUMN = 10;

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
                AblationRun.words(scan.by()),
                heads.sense() == Outcome.Sense.DISTANCE
                        ? "the second at q <= 0.05 (Mann-Whitney;"
                        : "each at q <= 0.05 (two-sided Wilcoxon of signed ranks; Mann-Whitney;",
                heads.targets().size() * heads.labels().size());
        warnings(heads, out);
        String what = scan.targets().isEmpty() ? "heads" : "targets";
        heads.labels().forEach(label -> print(heads, label, what, out));
        result.units().ifPresent(units -> print(heads, units, out));
        result.modules().ifPresent(modules -> print(modules, out));
        if (scan.with(Part.MODULES) && result.modules().isEmpty()) {
            out.printf(
                    "%nNo modules: none was found, or there are too few prompts, or no heads and neurons to look among.%n");
        }
        print(result.curves(), out);
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

    /** What keeps "nothing found" from meaning that nothing is there. */
    private static void warnings(EffectMap heads, PrintWriter out) {
        int rows = heads.targets().size() * heads.labels().size();
        List<String> few = heads.labels().stream()
                .filter(label -> heads.leastP(label) * rows > 0.05)
                .map(ModscanException::printable)
                .toList();
        if (heads.sense() != Outcome.Sense.DISTANCE && !few.isEmpty()) {
            out.printf(
                    Locale.ROOT,
                    "Few prompts: of %s the smallest p is %.2g at best, so an effect counts (q <= 0.05) only where at least %d of the%n"
                            + "%d rows are as sure. With more prompts a label, fewer would do.%n",
                    few.size() == heads.labels().size() ? "every label" : few.toString(),
                    few.stream().mapToDouble(heads::leastP).max().orElse(1),
                    (int) Math.ceil(
                            rows * few.stream().mapToDouble(heads::leastP).max().orElse(1) / 0.05),
                    rows);
        }
        Map<String, List<String>> broken = heads.nonFinite();
        if (!broken.isEmpty()) {
            Map.Entry<String, List<String>> first = broken.entrySet().iterator().next();
            out.printf(
                    "Not measured: effects of %d targets are NaN or infinite, such as %s on prompt %s.%n",
                    broken.size(),
                    ModscanException.printable(first.getKey()),
                    ModscanException.printable(first.getValue().get(0)));
        }
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
        top.forEach(row -> print("needs", row, out));
        if (top.isEmpty()) {
            heads.rows(label)
                    .filter(row -> Double.isFinite(row.selective()))
                    .max(Comparator.comparingDouble(UnitEffect::selective))
                    .ifPresentOrElse(
                            row -> print("at most", row, out),
                            () -> out.println("  not measured: effects are NaN or infinite"));
        }
    }

    private static void print(String how, UnitEffect row, PrintWriter out) {
        out.printf(
                Locale.ROOT,
                "  %-7s %-9s %+.3f [%+.3f, %+.3f]%s   others %+.3f, difference q %.2g%s%n",
                how,
                name(row),
                row.effect(),
                row.low(),
                row.high(),
                Double.isNaN(row.q()) ? "" : String.format(Locale.ROOT, "  q %.2g", row.q()),
                row.others(),
                row.selectiveQ(),
                Double.isNaN(row.matched())
                        ? ""
                        : String.format(
                                Locale.ROOT, "   %d random %+.3f, p %.2g", row.sets(), row.matched(), row.matchedP()));
    }

    private static String name(UnitEffect row) {
        Unit unit = row.unit();
        boolean head = unit.head().isPresent()
                && unit.unit().isEmpty()
                && unit.site().tensorName().endsWith("hook_z");
        boolean neuron = ScanSites.NEURONS.selects(unit.site());
        return row.units() == 1 && unit.site().layer().isPresent() && (head || neuron)
                ? "L" + Csv.text(unit.site().layer())
                        + (head ? "H" + Csv.text(unit.head()) : "N" + Csv.text(unit.unit()))
                : ModscanException.printable(row.target());
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
        out.printf("%nModules switched off, largest first; * is needed by the label%n%-" + LONGEST_NAME + "s", "");
        modules.labels().forEach(label -> out.print(column(ModscanException.printable(label)) + " "));
        out.println();
        for (Target module : modules.targets()) {
            List<UnitEffect> rows = modules.labels().stream()
                    .map(label -> modules.get(module.name(), label))
                    .toList();
            out.print(line(ModscanException.printable(module.name()) + ": "
                    + module.units().size()));
            rows.forEach(row -> out.print(
                    column(String.format(Locale.ROOT, "%+.2f", row.effect())) + (row.isNeeded() ? "*" : " ")));
            out.println();
            if (!Double.isNaN(rows.get(0).matched())) {
                out.print(line("  random, as many"));
                rows.forEach(row -> out.print(column(String.format(Locale.ROOT, "%+.2f", row.matched())) + " "));
                out.println();
            }
        }
    }

    private static String line(String name) {
        return String.format(
                "%-" + LONGEST_NAME + "s", name.length() < LONGEST_NAME ? name : name.substring(0, LONGEST_NAME - 1));
    }

    private static String column(String text) {
        return String.format("%" + COLUMN + "s", text.length() < COLUMN ? text : text.substring(0, COLUMN - 1));
    }

    /** Each label's ranking, share by share. */
    private static void print(List<Curve> curves, PrintWriter out) {
        List<Curve> own = curves.stream()
                .filter(curve -> curve.ranking().endsWith(" for " + curve.label()))
                .toList();
        if (own.isEmpty()) {
            return;
        }
        out.printf(
                "%nCurves: the first neurons of a label's ranking are %s; by how much the label gets worse, the others do%n"
                        + "(mean), and the label does in a random order%n",
                own.get(0).keepsOnly() ? "all that is kept" : "switched off");
        for (Curve curve : own) {
            out.print(line(ModscanException.printable(curve.label())));
            curve.points()
                    .forEach(point -> out.print(column(String.format(Locale.ROOT, "%.1f %%", 100 * point.share()))));
            out.println();
            print("  itself", curve.points().stream().mapToDouble(point -> point.outcome() - curve.untouched()), out);
            List<Curve> others = curves.stream()
                    .filter(other -> other.ranking().equals(curve.ranking())
                            && !other.label().equals(curve.label()))
                    .toList();
            print("  others", IntStream.range(0, curve.points().size()).mapToDouble(point -> rise(others, point)), out);
            List<Curve> random = curves.stream()
                    .filter(other ->
                            other.ranking().equals("random") && other.label().equals(curve.label()))
                    .filter(other -> other.points().size() == curve.points().size())
                    .toList();
            if (curve.keepsOnly()) {
                out.printf(
                        Locale.ROOT,
                        "  faithfulness: area (CPR) %.3f, to 1 (CMD) %.3f; random order %s%n",
                        curve.cpr(),
                        curve.cmd(),
                        random.stream()
                                .map(other -> String.format(Locale.ROOT, "%.3f, %.3f", other.cpr(), other.cmd()))
                                .findFirst()
                                .orElse("-"));
            }
            print("  random", IntStream.range(0, curve.points().size()).mapToDouble(point -> rise(random, point)), out);
        }
    }

    private static double rise(List<Curve> curves, int point) {
        return curves.stream()
                .mapToDouble(curve -> curve.points().get(point).outcome() - curve.untouched())
                .average()
                .orElse(Double.NaN);
    }

    private static void print(String name, DoubleStream rises, PrintWriter out) {
        out.print(line(name));
        rises.forEach(rise -> out.print(column(Double.isNaN(rise) ? "" : String.format(Locale.ROOT, "%+.3f", rise))));
        out.println();
    }
}
