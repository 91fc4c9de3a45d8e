package io.modscan.scan;

import de.siegmar.fastcsv.writer.CsvWriter;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.contexts.TokenContext;
import io.modscan.metrics.contexts.UnitContexts;
import io.modscan.metrics.modules.Member;
import io.modscan.metrics.modules.StepMap;
import io.modscan.metrics.modules.StepMean;
import io.modscan.metrics.modules.StepProfile;
import io.modscan.metrics.modules.UnitModule;
import io.modscan.metrics.tokens.UnitTokenSelectivity;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The tables of what happens inside of prompts. */
final class TokenTables {

    private TokenTables() {}

    /**
     * The contexts of some units.
     *
     * @param label  the key of the labels
     * @param pieces gives the texts of tokens
     */
    static void contexts(
            ContextMap contexts, List<Unit> units, String label, Function<int[], List<String>> pieces, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(
                    "site",
                    "layer",
                    "head",
                    "unit",
                    "kind",
                    "rank",
                    "quantile",
                    "prompt",
                    "label",
                    "position",
                    "value",
                    "before",
                    "token",
                    "after",
                    "values");
            for (Unit unit : units) {
                UnitContexts of = contexts.get(unit);
                for (int i = 0; i < of.top().size(); i++) {
                    write(
                            csv,
                            unit,
                            "top",
                            Integer.toString(i + 1),
                            "",
                            of.top().get(i),
                            label,
                            pieces);
                }
                for (UnitContexts.Sample sample : of.samples()) {
                    write(csv, unit, "sample", "", Csv.text(sample.quantile()), sample.context(), label, pieces);
                }
            }
        });
    }

    private static void write(
            CsvWriter csv,
            Unit unit,
            String kind,
            String rank,
            String quantile,
            TokenContext context,
            String label,
            Function<int[], List<String>> pieces) {
        List<String> texts = pieces.apply(context.ids());
        csv.writeRecord(
                Csv.text(unit.site().tensorName()),
                Csv.text(unit.site().layer()),
                Csv.text(unit.head()),
                Csv.text(unit.unit()),
                kind,
                rank,
                quantile,
                Csv.text(context.promptId()),
                Csv.text(context.labels().getOrDefault(label, "")),
                Integer.toString(context.position()),
                Csv.text(context.value()),
                Csv.text(String.join("", texts.subList(0, context.at()))),
                Csv.text(texts.get(context.at())),
                Csv.text(String.join("", texts.subList(context.at() + 1, texts.size()))),
                kind.equals("top") ? values(context.values()) : "");
    }

    /** How units respond to labels of tokens, and to parts of prompts. */
    static void labels(ScanTokens tokens, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(
                    "of",
                    "site",
                    "layer",
                    "head",
                    "unit",
                    "label",
                    "prompts",
                    "active",
                    "mean_difference",
                    "d_z",
                    "auroc",
                    "rank_biserial",
                    "p",
                    "q");
            tokens.labels().ifPresent(labels -> labels.rows().forEach(row -> write(csv, "tokens", row)));
            tokens.parts().ifPresent(parts -> parts.rows().forEach(row -> write(csv, "parts", row)));
        });
    }

    private static void write(CsvWriter csv, String of, UnitTokenSelectivity row) {
        List<String> cells = new ArrayList<>(List.of(of));
        cells.addAll(unit(row.unit()));
        cells.addAll(List.of(
                Csv.text(row.label()),
                Integer.toString(row.prompts()),
                Integer.toString(row.active()),
                Csv.text(row.meanDifference()),
                Csv.text(row.dz()),
                Csv.text(row.auroc()),
                Csv.text(row.rankBiserial()),
                Csv.text(row.p()),
                Csv.text(row.q())));
        csv.writeRecord(cells);
    }

    /** The members of steps' modules. */
    static void steps(StepMap steps, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(
                    "module",
                    "size",
                    "correlation",
                    "stability",
                    "p",
                    "lasts",
                    "site",
                    "layer",
                    "head",
                    "unit",
                    "certainty",
                    "member_stability");
            for (int i = 0; i < steps.profiles().size(); i++) {
                UnitModule module = steps.profiles().get(i).module();
                for (Member member : module.members()) {
                    List<String> cells = new ArrayList<>(List.of(
                            Integer.toString(i),
                            Integer.toString(module.size()),
                            Csv.text(module.correlation()),
                            Csv.text(module.stability()),
                            Csv.text(module.p()),
                            Boolean.toString(module.lasts())));
                    cells.addAll(unit(member.unit()));
                    cells.add(Csv.text(member.certainty()));
                    cells.add(Csv.text(member.stability()));
                    csv.writeRecord(cells);
                }
            }
        });
    }

    /** Where in prompts each of these modules is active. */
    static void profiles(StepMap steps, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord("module", "kind", "at", "mean", "standard_error", "prompts");
            for (int i = 0; i < steps.profiles().size(); i++) {
                StepProfile profile = steps.profiles().get(i);
                for (int part = 0; part < profile.relative().size(); part++) {
                    write(
                            csv,
                            i,
                            "part",
                            Integer.toString(part),
                            profile.relative().get(part));
                }
                for (int token = 0; token < profile.beginning().size(); token++) {
                    write(
                            csv,
                            i,
                            "token",
                            Integer.toString(token),
                            profile.beginning().get(token));
                }
                int module = i;
                profile.labels().forEach((label, mean) -> write(csv, module, "label", Csv.text(label), mean));
            }
        });
    }

    private static void write(CsvWriter csv, int module, String kind, String at, StepMean mean) {
        csv.writeRecord(
                Integer.toString(module),
                kind,
                at,
                Csv.text(mean.mean()),
                Csv.text(mean.standardError()),
                Integer.toString(mean.prompts()));
    }

    /** As in all tables: of a picked unit, its number among all of its site. */
    private static List<String> unit(Unit unit) {
        Site site = unit.site();
        return List.of(
                Csv.text(site.tensorName()), Csv.text(site.layer()), Csv.text(unit.head()), Csv.text(number(unit)));
    }

    static OptionalInt number(Unit unit) {
        return unit.site().picked().isPresent() && unit.unit().isPresent()
                ? OptionalInt.of(
                        unit.site().picked().get().units().get(unit.unit().getAsInt()))
                : unit.unit();
    }

    private static String values(float... values) {
        return IntStream.range(0, values.length)
                .mapToObj(i -> Float.toString(values[i]))
                .collect(Collectors.joining(" "));
    }
}
