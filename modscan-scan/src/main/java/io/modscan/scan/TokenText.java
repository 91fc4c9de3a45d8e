package io.modscan.scan;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Unit;
import io.modscan.metrics.modules.StepMap;
import io.modscan.metrics.modules.StepProfile;
import io.modscan.metrics.tokens.TokenSelectivityMap;
import io.modscan.metrics.tokens.UnitTokenSelectivity;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a scan found inside of prompts, as text. */
final class TokenText {

    private static final double Q = 0.05;

    /** How many of the best are named. */
    private static final int TOP = 2;

    /** How many of the largest modules are named. */
    private static final int MODULES = 6;

    private static final int LABELS = 2;

    private TokenText() {}

    static void print(ScanTokens tokens, PrintWriter out) {
        tokens.labels().ifPresent(labels -> {
            out.printf(
                    Locale.ROOT,
                    "%nInside of prompts: which of the heads, and of the neurons that tell labels apart best, respond to labels of tokens,%n"
                            + "each prompt against itself (signed-rank over prompts, q <= %.2f over %d units x labels)%n",
                    Q,
                    labels.size());
            labels.labels().forEach(label -> print(label, labels, out));
        });
        tokens.steps().ifPresent(steps -> print(steps, out));
        tokens.leftOut().forEach((what, why) -> out.printf("%nNo %s: %s%n", what, ModscanException.printable(why)));
    }

    private static void print(String label, TokenSelectivityMap labels, PrintWriter out) {
        long found = labels.count(label, row -> row.q() <= Q);
        out.printf(
                Locale.ROOT,
                "  %-20s  %d prompts, %d units; %s%n",
                ModscanException.printable(label),
                labels.prompts(label),
                found,
                found == 0
                        ? "none stands out"
                                + (labels.notMeasured(label) > 0
                                        ? ", " + labels.notMeasured(label) + " not measured"
                                        : "")
                        : best(labels, label, site -> site.heads() > 0) + "; "
                                + best(labels, label, site -> site.heads() == 0));
    }

    private static String best(TokenSelectivityMap labels, String label, SiteSelector which) {
        List<UnitTokenSelectivity> rows = labels.top(label, TOP, which).stream()
                .filter(row -> row.q() <= Q)
                .toList();
        return rows.isEmpty()
                ? "none lit"
                : rows.stream()
                        .map(row -> String.format(Locale.ROOT, "%s %.2f", name(row.unit()), row.auroc()))
                        .collect(Collectors.joining(", "));
    }

    /** As in the page: L2H6, L4N17. */
    private static String name(Unit unit) {
        String layer = unit.site().layer().isPresent()
                ? "L" + unit.site().layer().getAsInt()
                : unit.site().name();
        return TokenTables.number(unit).isPresent()
                ? layer + "N" + TokenTables.number(unit).getAsInt()
                : layer + "H" + unit.head().orElse(0);
    }

    private static void print(StepMap steps, PrintWriter out) {
        List<StepProfile> lasting = steps.lasting();
        out.printf(
                Locale.ROOT,
                "%nSteps: units that act together within prompts, over %d tokens of %d prompts: %d modules, of which %d last%n",
                steps.tokens(),
                steps.prompts(),
                steps.profiles().size(),
                lasting.size());
        for (StepProfile profile : lasting.subList(0, Math.min(MODULES, lasting.size()))) {
            String labels = profile.labels().entrySet().stream()
                    .filter(entry ->
                            entry.getValue().prompts() > 1 && entry.getValue().mean() > 0)
                    .sorted(Comparator.comparingDouble(
                            entry -> -entry.getValue().mean() / entry.getValue().standardError()))
                    .limit(LABELS)
                    .map(entry -> String.format(
                            Locale.ROOT,
                            "%s %+.2f",
                            ModscanException.printable(entry.getKey()),
                            entry.getValue().mean()))
                    .collect(Collectors.joining(", "));
            out.printf(
                    Locale.ROOT,
                    "  %d units, r %.2f, stability %.2f; most active in part %d of 10%s%n",
                    profile.module().size(),
                    profile.module().correlation(),
                    profile.module().stability(),
                    profile.peak().orElse(0) + 1,
                    labels.isEmpty() ? "" : "; at " + labels);
        }
    }
}
