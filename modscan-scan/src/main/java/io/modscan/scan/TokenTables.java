package io.modscan.scan;

import de.siegmar.fastcsv.writer.CsvWriter;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.contexts.TokenContext;
import io.modscan.metrics.contexts.UnitContexts;
import io.modscan.core.site.Unit;
import java.nio.file.Path;
import java.util.List;
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
                    "site", "layer", "head", "unit", "kind", "rank", "quantile", "prompt", "label", "position", "value",
                    "before", "token", "after", "values");
            for (Unit unit : units) {
                UnitContexts of = contexts.get(unit);
                for (int i = 0; i < of.top().size(); i++) {
                    write(csv, unit, "top", Integer.toString(i + 1), "", of.top().get(i), label, pieces);
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

    private static String values(float... values) {
        return IntStream.range(0, values.length)
                .mapToObj(i -> Float.toString(values[i]))
                .collect(Collectors.joining(" "));
    }
}
