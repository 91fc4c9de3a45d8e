package io.modscan.scan;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.UnitEffect;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** Effects as text, whether measured or estimated. */
final class EffectText {

    private static final int LONGEST_NAME = 34;
    private static final int COLUMN = 10;

    private EffectText() {}

    /** What keeps "nothing found" from meaning that nothing is there. */
    static void warnings(EffectMap heads, PrintWriter out) {
        int rows = heads.targets().size() * heads.labels().size();
        List<String> few = heads.labels().stream()
                .filter(label -> heads.leastP(label) * rows > 0.05)
                .map(ModscanException::printable)
                .toList();
        if (heads.sense() != Outcome.Sense.DISTANCE && !few.isEmpty()) {
            long needed = (long) Math.ceil(
                    rows * few.stream().mapToDouble(heads::leastP).max().orElse(1) / 0.05);
            if (needed > rows) {
                out.printf(
                        Locale.ROOT,
                        "Few prompts: of %s the smallest p is %.2g at best, too large for any effect to count (q <= 0.05).%n",
                        few.size() == heads.labels().size() ? "every label" : few.toString(),
                        few.stream().mapToDouble(heads::leastP).max().orElse(1));
            } else {
                out.printf(
                        Locale.ROOT,
                        "Few prompts: of %s the smallest p is %.2g at best, so an effect counts (q <= 0.05) only where at least %d of the%n"
                                + "%d rows are as sure. With more prompts a label, fewer would do.%n",
                        few.size() == heads.labels().size() ? "every label" : few.toString(),
                        few.stream().mapToDouble(heads::leastP).max().orElse(1),
                        needed,
                        rows);
            }
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

    static void print(String how, UnitEffect row, PrintWriter out) {
        print(how, row, out, "");
    }

    static void print(String how, UnitEffect row, PrintWriter out, String more) {
        out.printf(
                Locale.ROOT,
                "  %-7s %-9s %+.3f [%+.3f, %+.3f]%s   others %+.3f, difference q %.2g%s%s%n",
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
                                Locale.ROOT, "   %d random %+.3f, p %.2g", row.sets(), row.matched(), row.matchedP()),
                more);
    }

    static String name(UnitEffect row) {
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

    static String line(String name) {
        return String.format(
                "%-" + LONGEST_NAME + "s", name.length() < LONGEST_NAME ? name : name.substring(0, LONGEST_NAME - 1));
    }

    static String column(String text) {
        return String.format("%" + COLUMN + "s", text.length() < COLUMN ? text : text.substring(0, COLUMN - 1));
    }

    /** Each label's ranking, share by share. */
    static void print(List<Curve> curves, Outcome.Sense sense, PrintWriter out) {
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
            boolean several = own.stream()
                            .filter(other -> other.label().equals(curve.label()))
                            .count()
                    > 1;
            out.print(line(ModscanException.printable(several ? curve.ranking() : curve.label())));
            curve.points()
                    .forEach(point -> out.print(column(String.format(Locale.ROOT, "%.1f %%", 100 * point.share()))));
            out.println();
            print("  itself", harms(curve, List.of(curve), sense), out);
            List<Curve> others = curves.stream()
                    .filter(other -> other.ranking().equals(curve.ranking())
                            && !other.label().equals(curve.label()))
                    .toList();
            print("  others", harms(curve, others, sense), out);
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
            print("  random", harms(curve, random, sense), out);
        }
    }

    /** The mean over some curves at each point of one. */
    private static DoubleStream harms(Curve one, List<Curve> some, Outcome.Sense sense) {
        return IntStream.range(0, one.points().size())
                .mapToDouble(point -> some.stream()
                        .mapToDouble(
                                curve -> sense.harm(curve.points().get(point).outcome() - curve.untouched()))
                        .average()
                        .orElse(Double.NaN));
    }

    private static void print(String name, DoubleStream harms, PrintWriter out) {
        out.print(line(name));
        harms.forEach(harm -> out.print(column(Double.isNaN(harm) ? "" : String.format(Locale.ROOT, "%+.3f", harm))));
        out.println();
    }
}
