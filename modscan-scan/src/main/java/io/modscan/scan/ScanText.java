package io.modscan.scan;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Unit;
import io.modscan.metrics.attention.HeadBehaviour;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.UnitModule;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** What a scan found, as text. */
final class ScanText {

    private static final Criterion CRITERION = Criterion.standard();

    /** How many of the best are named. */
    private static final int TOP = 3;

    /** How many of the largest modules are named. */
    private static final int MODULES = 8;

    private ScanText() {}

    static String of(ScanResult scan) {
        return written(out -> print(scan, out));
    }

    static String of(ScanModules modules) {
        return written(out -> print(modules, out));
    }

    private static String written(Consumer<PrintWriter> printer) {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        printer.accept(out);
        out.flush();
        return text.toString();
    }

    private static void print(ScanResult scan, PrintWriter out) {
        printUnits(scan, out);
        scan.behaviour().ifPresent(behaviour -> printBehaviour(out, behaviour));
        printSeparation(scan, out);
        out.println();
    }

    private static void printUnits(ScanResult scan, PrintWriter out) {
        SelectivityMap units = scan.units();
        out.printf(
                Locale.ROOT,
                "%nLit up and dark at q <= %.2f (two-sided Mann-Whitney, Benjamini-Hochberg over all %d units x labels).%n",
                CRITERION.q(),
                units.size());
        out.printf("Effect: Hedges' g, in standard deviations; AUROC 0.5 tells nothing apart.%n");
        for (String label : units.labels()) {
            out.printf(
                    Locale.ROOT,
                    "%n%s (%d prompts): heads %d lit, %d dark; neurons %d lit, %d dark%n",
                    ModscanException.printable(label),
                    units.prompts(label),
                    count(scan, label, ScanText::isHead, CRITERION::lightsUp),
                    count(scan, label, ScanText::isHead, CRITERION::goesDark),
                    count(scan, label, site -> !isHead(site), CRITERION::lightsUp),
                    count(scan, label, site -> !isHead(site), CRITERION::goesDark));
            printLit(scan, out, label, "head", ScanText::isHead);
            printLit(scan, out, label, "neuron", site -> !isHead(site));
        }
    }

    private static void printBehaviour(PrintWriter out, SelectivityMap behaviour) {
        out.printf(
                Locale.ROOT,
                "%nHeads whose attention depends on the label (entropy, distance, mass on BOS, itself, the previous token),%n"
                        + "of %d, at Kruskal-Wallis q <= %.2f%n",
                behaviour.sites().stream().mapToInt(Site::heads).sum(),
                CRITERION.q());
        for (HeadBehaviour what : HeadBehaviour.values()) {
            out.printf(
                    Locale.ROOT,
                    "  %-9s %d%n",
                    what.name().toLowerCase(Locale.ROOT),
                    behaviour.count(
                            behaviour.labels().get(0),
                            row -> row.unit().unit().orElseThrow() == what.index() && row.kruskalQ() <= CRITERION.q()));
        }
    }

    private static void printSeparation(ScanResult scan, PrintWriter out) {
        scan.separation().forEach((similarity, bySite) -> {
            out.printf(
                    "%nResidual streams (mean over tokens) by %s; accuracy: the nearest label's centroid, the prompt left out%n",
                    similarity);
            out.printf(
                    "%-6s %11s %13s %7s %11s %9s %11s%n",
                    "layer", "same label", "other labels", "gap", "silhouette", "accuracy", "largest p");
            bySite.forEach((site, apart) -> out.printf(
                    Locale.ROOT,
                    "%-6s %11.3f %13.3f %7.3f %11.3f %9.3f %11.3f%n",
                    Csv.text(site.layer()),
                    apart.within(),
                    apart.between(),
                    apart.gap(),
                    apart.silhouette(),
                    apart.accuracy(),
                    Math.max(apart.gapP(), Math.max(apart.silhouetteP(), apart.accuracyP()))));
        });
    }

    private static void print(ScanModules modules, PrintWriter out) {
        ModuleMap found = modules.found();
        String units = modules.of().equals("units") ? "heads and neurons" : "principal components";
        if (found.modules().isEmpty()) {
            out.printf(Locale.ROOT, "Modules of %s: none, no two correlate by %.2f%n%n", units, found.threshold());
            return;
        }
        out.printf(
                Locale.ROOT,
                "Modules of %s: %d of %d units in %d modules; Q %.3f, in shuffled values %.3f (p %.2g)%n",
                units,
                found.modules().stream().mapToInt(UnitModule::size).sum(),
                found.modules().stream().mapToInt(UnitModule::size).sum()
                        + found.singletons().size()
                        + found.leftOut().size(),
                found.modules().size(),
                found.modularity().observed(),
                found.modularity().mean(),
                found.modularity().p());
        for (ModuleTopics module :
                modules.topics().subList(0, Math.min(MODULES, modules.topics().size()))) {
            out.printf(
                    Locale.ROOT,
                    "  %5d units, mean correlation %.2f, p %.2g: %s%n",
                    module.module().size(),
                    module.module().correlation(),
                    module.module().p(),
                    module.topic()
                            .map(topic -> String.format(
                                    Locale.ROOT,
                                    "%.0f %% %s %s",
                                    100 * module.share(),
                                    found.absolute() ? "respond to" : "light up for",
                                    ModscanException.printable(topic)))
                            .orElse("no member responds to any label"));
        }
        out.println();
    }

    private static void printLit(ScanResult scan, PrintWriter out, String label, String kind, SiteSelector which) {
        List<UnitSelectivity> lit = scan.units().top(label, TOP, which).stream()
                .filter(CRITERION::lightsUp)
                .toList();
        lit.forEach(unit -> printUnit(out, kind, unit));
        if (lit.isEmpty()) {
            out.printf(Locale.ROOT, "  %-6s none lights up at q <= %.2f%n", kind, CRITERION.q());
        }
    }

    private static void printUnit(PrintWriter out, String kind, UnitSelectivity row) {
        Unit unit = row.unit();
        String name = "L" + Csv.text(unit.site().layer())
                + (isHead(unit.site()) ? "H" + Csv.text(unit.head()) : "N" + Csv.text(unit.unit()));
        out.printf(
                Locale.ROOT,
                "  %-6s %-9s AUROC %.3f  effect %+.3f  q %.2g%n",
                kind,
                name,
                row.auroc(),
                row.hedgesG(),
                row.q());
    }

    private static boolean isHead(Site site) {
        return site.heads() > 0;
    }

    private static long count(ScanResult scan, String label, Predicate<Site> which, Predicate<UnitSelectivity> how) {
        return scan.units().count(label, row -> which.test(row.unit().site()) && how.test(row));
    }
}
