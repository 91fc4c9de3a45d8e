package io.modscan.scan;

import io.modscan.core.NonFinite;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Unit;
import io.modscan.metrics.attention.HeadBehaviour;
import io.modscan.metrics.modules.HalvesAgreement;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.ResolutionStep;
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
import java.util.stream.Collectors;

/** What a scan found, as text. */
final class ScanText {

    private static final Criterion CRITERION = Criterion.standard();

    /** How many of the best are named. */
    private static final int TOP = 3;

    /** How many sites with values that are not finite are named. */
    private static final int SITES = 4;

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
        printNonFinite(scan.nonFinite(), out);
        printUnits(scan, out);
        scan.behaviour().ifPresent(behaviour -> printBehaviour(out, behaviour));
        printSeparation(scan, out);
        scan.tokens().ifPresent(tokens -> TokenText.print(tokens, out));
        out.println();
    }

    private static void printNonFinite(List<NonFinite> found, PrintWriter out) {
        if (found.isEmpty()) {
            return;
        }
        out.printf(
                "%nWarning: values are NaN or infinite at %d sites. What is computed of them is not measured, so nothing found there%n"
                        + "is no finding. Look for broken weights, an overflow, or prompts of which no token counts, and leave these out.%n",
                found.size());
        found.stream().limit(SITES).forEach(site -> out.println("  " + site));
        if (found.size() > SITES) {
            out.printf("  and %d more%n", found.size() - SITES);
        }
    }

    private static void printUnits(ScanResult scan, PrintWriter out) {
        SelectivityMap units = scan.units();
        out.printf(
                Locale.ROOT,
                "%nLit up and dark at q <= %.2f (two-sided Mann-Whitney, Benjamini-Hochberg over all %d units x labels).%n"
                        + "Effect: Hedges' g, in standard deviations; AUROC 0.5 tells nothing apart, a large effect is >= %.1f or <= %.1f.%n",
                CRITERION.q(),
                units.size(),
                0.5 + CRITERION.effect(),
                0.5 - CRITERION.effect());
        for (String label : units.labels()) {
            Criterion any = CRITERION.anyEffect();
            out.printf(
                    Locale.ROOT,
                    "%n%s (%d prompts): %s; %s%n",
                    ModscanException.printable(label),
                    units.prompts(label),
                    counts(scan, label, "heads", ScanText::isHead, any),
                    counts(scan, label, "neurons", site -> !isHead(site), any));
            if (units.count(label, row -> any.lightsUp(row) || any.goesDark(row)) > 0) {
                out.printf(
                        "  of these by a large effect: %s; %s%n",
                        counts(scan, label, "heads", ScanText::isHead, CRITERION),
                        counts(scan, label, "neurons", site -> !isHead(site), CRITERION));
            }
            printLit(scan, out, label, "head", ScanText::isHead);
            printLit(scan, out, label, "neuron", site -> !isHead(site));
        }
    }

    private static String counts(ScanResult scan, String label, String kind, SiteSelector which, Criterion criterion) {
        long missing = scan.units().notMeasured(which);
        if (missing == units(scan, which)) {
            return "no " + kind + " measured, of " + missing;
        }
        return String.format(
                Locale.ROOT,
                "%s %d lit, %d dark%s",
                kind,
                count(scan, label, which, criterion::lightsUp),
                count(scan, label, which, criterion::goesDark),
                missing == 0 ? "" : ", " + missing + " not measured");
    }

    private static void printBehaviour(PrintWriter out, SelectivityMap behaviour) {
        out.printf(
                Locale.ROOT,
                "%nHeads whose attention depends on the label (entropy, distance, mass on BOS, itself, the previous token),%n"
                        + "of %d, at Kruskal-Wallis q <= %.2f%n",
                behaviour.sites().stream().mapToInt(Site::heads).sum(),
                CRITERION.q());
        for (HeadBehaviour what : HeadBehaviour.values()) {
            List<UnitSelectivity> heads = behaviour
                    .rows()
                    .filter(row -> row.label().equals(behaviour.labels().get(0))
                            && row.unit().unit().orElseThrow() == what.index())
                    .toList();
            long missing = heads.stream().filter(row -> !row.isMeasured()).count();
            long found = heads.stream()
                    .filter(row -> row.kruskalQ() <= CRITERION.q())
                    .count();
            out.printf(
                    "  %-9s %s%s%n",
                    what.name().toLowerCase(Locale.ROOT),
                    missing == heads.size() ? "not measured" : Long.toString(found),
                    missing == 0 || missing == heads.size() ? "" : ", " + missing + " not measured");
        }
        if (!behaviour.nonFinite().isEmpty()) {
            out.println(
                    "  not measured is what is NaN: patterns of broken values, of one token, or where BOS is not known; first in "
                            + ModscanException.printable(String.join(
                                    ", ", behaviour.nonFinite().get(0).firstPrompts())));
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
            bySite.forEach((site, apart) -> {
                if (apart.leftOut() > 0) {
                    out.printf(
                            "  layer %s: %d of %d prompts left out, which have no similarity (zeros, NaN or infinite)%n",
                            Csv.text(site.layer()), apart.leftOut(), apart.leftOut() + apart.prompts());
                }
            });
        });
    }

    private static void print(ScanModules modules, PrintWriter out) {
        ModuleMap found = modules.found();
        String units = switch (modules.of()) {
            case "units" -> "heads and neurons";
            case "components" ->
                String.format(
                        "principal components (fitted to %d prompts, measured on %d others)",
                        modules.values().sites().stream()
                                .mapToInt(site -> site.fittedTo().size())
                                .max()
                                .orElse(0),
                        modules.values().prompts().size());
            default -> modules.of();
        };
        int alone = found.singletons().size();
        int leftOut = found.leftOut().size();
        if (found.links() == 0 && alone == 0) {
            out.printf(
                    "Modules of %s: not measured, all %d are constant, or have NaN or infinite values%n%n",
                    units, leftOut);
            return;
        }
        if (found.links() == 0) {
            out.printf(
                    Locale.ROOT,
                    "Modules of %s: none, no two of %d correlate by %.2f%s%n%n",
                    units,
                    alone,
                    found.threshold(),
                    leftOut == 0
                            ? ""
                            : "; " + leftOut
                                    + " are left out: constant, NaN or infinite, or not among those that vary most");
            return;
        }
        int within = found.modules().stream().mapToInt(UnitModule::size).sum();
        out.printf(
                Locale.ROOT,
                "Modules of %s: %d of %d units in %d modules;%n"
                        + "  %d on the border, which are in none for certain, %d alone,%n"
                        + "  %d left out: constant, NaN or infinite, or not among the units that vary most%n",
                units,
                within,
                within + found.border().size() + alone + leftOut,
                found.modules().size(),
                found.border().size(),
                alone,
                leftOut);
        out.printf(
                Locale.ROOT,
                "  modularity %.3f, in shuffled values %.3f, p %s%n",
                found.modularity().observed(),
                found.modularity().mean(),
                p(found.modularity().p(), found, true));
        printHalves(found.halves(), out);
        if (found.resolutions().size() > 1) {
            out.printf(
                    "  modules at other resolutions, with the agreement of halves: %s%n",
                    found.resolutions().stream().map(ScanText::resolution).collect(Collectors.joining(", ")));
        }
        for (ModuleTopics module :
                modules.topics().subList(0, Math.min(MODULES, modules.topics().size()))) {
            out.printf(
                    Locale.ROOT,
                    "  %5d units, mean correlation %.2f, stability %s, p %s: %s%n",
                    module.module().size(),
                    module.module().correlation(),
                    known(module.module().stability()),
                    p(module.module().p(), found, false),
                    topic(module, found.absolute()));
        }
        if (found.modules().size() > MODULES) {
            out.printf("  and %d smaller modules%n", found.modules().size() - MODULES);
        }
        out.println();
    }

    private static void printHalves(HalvesAgreement halves, PrintWriter out) {
        if (halves.splits() == 0) {
            out.println("  not tried on halves of the prompts, which are too few");
            return;
        }
        out.printf(
                Locale.ROOT,
                "  halves of the prompts agree by %s (%s to %s over %d splits; adjusted Rand index)%s%n",
                known(halves.mean()),
                known(halves.least()),
                known(halves.most()),
                halves.splits(),
                Double.isNaN(halves.planted())
                        ? ""
                        : String.format(";%n  halves of planted modules of the same strength by ")
                                + known(halves.planted()));
    }

    private static String resolution(ResolutionStep step) {
        return Csv.text(step.resolution()) + ": " + step.modules() + " (" + known(step.halves()) + ")";
    }

    private static String known(double number) {
        return Double.isNaN(number) ? "not known" : String.format(Locale.ROOT, "%.2f", number);
    }

    /** A p-value; the least that there can be says only that no shuffle did as well. */
    private static String p(double p, ModuleMap of, boolean explained) {
        if (Double.isNaN(p)) {
            return "not known";
        }
        String number = String.format(Locale.ROOT, "%.3f", p);
        if (!explained) {
            return number;
        }
        return p <= of.leastP()
                ? number + ", the least that " + of.shuffles() + " shuffles can give"
                : String.format(
                        Locale.ROOT, "%s; %d shuffles can give %.3f at the least", number, of.shuffles(), of.leastP());
    }

    /** The name of a module, or that it has none, with what comes nearest to one. */
    private static String topic(ModuleTopics module, boolean absolute) {
        return module.strongest()
                .map(most -> String.format(
                        Locale.ROOT,
                        "%s%.0f %% %s %s (of all units %.0f %%, q %s)",
                        module.topic().isPresent() ? "" : "no label; ",
                        100 * most.share(),
                        absolute ? "respond to" : "light up for",
                        ModscanException.printable(most.label()),
                        100 * most.base(),
                        most.q() < 1e-9 ? "< 1e-9" : String.format(Locale.ROOT, "%.2g", most.q())))
                .orElse("no label");
    }

    private static void printLit(ScanResult scan, PrintWriter out, String label, String kind, SiteSelector which) {
        List<UnitSelectivity> lit = scan.units().top(label, TOP, which).stream()
                .filter(CRITERION::lightsUp)
                .toList();
        lit.forEach(unit -> printUnit(out, kind, unit));
        if (lit.isEmpty()) {
            out.printf(Locale.ROOT, "  %-6s %s%n", kind, none(scan, label, which));
        }
    }

    /** Why none is named: that is no answer where nothing was measured. */
    private static String none(ScanResult scan, String label, SiteSelector which) {
        long all = units(scan, which);
        long missing = scan.units().notMeasured(which);
        if (missing == all) {
            return "not measured: all " + all + " have values that are NaN or infinite";
        }
        boolean any = count(scan, label, which, CRITERION.anyEffect()::lightsUp) > 0;
        return String.format(
                Locale.ROOT,
                "none %slights up at q <= %.2f%s",
                missing == 0 ? "" : "of the " + (all - missing) + " that were measured ",
                CRITERION.q(),
                any ? " by a large effect" : "");
    }

    private static long units(ScanResult scan, SiteSelector which) {
        return scan.units().sites().stream()
                .filter(which::selects)
                .mapToLong(Site::width)
                .sum();
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

    private static long count(ScanResult scan, String label, SiteSelector which, Predicate<UnitSelectivity> how) {
        return scan.units().count(label, row -> which.selects(row.unit().site()) && how.test(row));
    }
}
