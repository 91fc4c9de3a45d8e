package io.modscan.report;

import io.modscan.core.site.Unit;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.contexts.TokenContext;
import io.modscan.metrics.contexts.UnitContexts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.stream.IntStream;

/** The numbers behind units' contexts: where each is strongest, and samples beside. */
final class ContextPictures {

    /** Contexts in a page, samples among them; of more, those of the units that tell labels apart best. */
    private static final int MOST_CONTEXTS = 3_000;

    /** Characters of a prompt's id or of a label. */
    private static final int LONGEST_NAME = 200;

    /** What stands for the quantile of a context that is among the strongest. */
    private static final float STRONGEST = -1;

    private final ContextMap contexts;
    private final Function<int[], List<String>> pieces;
    private final String key;
    private final TokenTexts texts;
    private final PageNumbers numbers;

    private final Map<String, Integer> names = new LinkedHashMap<>();
    private final Map<List<Integer>, int[]> known = new HashMap<>();
    private final List<Integer> prompts = new ArrayList<>();
    private final List<Integer> labels = new ArrayList<>();
    private final List<Integer> positions = new ArrayList<>();
    private final List<Integer> at = new ArrayList<>();
    private final List<Float> quantiles = new ArrayList<>();
    private final List<int[]> tokens = new ArrayList<>();
    private final List<short[]> values = new ArrayList<>();

    ContextPictures(
            ContextMap contexts,
            Function<int[], List<String>> pieces,
            String key,
            TokenTexts texts,
            PageNumbers numbers) {
        this.contexts = contexts;
        this.pieces = pieces;
        this.key = key;
        this.texts = texts;
        this.numbers = numbers;
    }

    /** Writes the contexts of units whose values the page keeps, as far as there is room. */
    Map<String, Object> write(List<RankedUnits> units) {
        UnitColumns columns = new UnitColumns(contexts.sites());
        List<Integer> shown = new ArrayList<>();
        for (int family = 0; family < units.size(); family++) {
            RankedUnits ranked = units.get(family);
            int most = prompts.size() + (MOST_CONTEXTS - prompts.size()) / (units.size() - family);
            shown.add(write("contexts" + family, ranked, columns, most));
        }
        numbers.ints("contexts.prompt", ints(prompts));
        numbers.ints("contexts.label", ints(labels));
        numbers.ints("contexts.position", ints(positions));
        numbers.ints("contexts.at", ints(at));
        numbers.ints(
                "contexts.count", tokens.stream().mapToInt(each -> each.length).toArray());
        numbers.ints(
                "contexts.tokens", tokens.stream().flatMapToInt(Arrays::stream).toArray());
        numbers.unsignedShorts("contexts.values", joined(values));
        float[] shares = new float[quantiles.size()];
        IntStream.range(0, shares.length).forEach(i -> shares[i] = quantiles.get(i));
        numbers.floats("contexts.quantile", shares);
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("names", List.copyOf(names.keySet()));
        facts.put("tokens", contexts.tokens());
        facts.put("measured", contexts.size());
        facts.put("units", shown);
        return facts;
    }

    private int write(String name, RankedUnits ranked, UnitColumns columns, int most) {
        List<Integer> ids = new ArrayList<>();
        List<Integer> ends = new ArrayList<>();
        List<Integer> notFinite = new ArrayList<>();
        List<Float> ranges = new ArrayList<>();
        for (int i = 0; i < ranked.kept(); i++) {
            Unit unit = columns.of(ranked.family(), ranked.units()[i]);
            if (unit == null) {
                continue;
            }
            if (Thread.currentThread().isInterrupted()) {
                throw new CancellationException("interrupted while the page was made");
            }
            UnitContexts of = contexts.get(unit);
            if (prompts.size() + of.top().size() + of.samples().size() > most) {
                break;
            }
            ScaledValues scaled = add(of);
            ids.add(ranked.units()[i]);
            ends.add(prompts.size());
            notFinite.add((int) Math.min(Integer.MAX_VALUE, of.notFinite()));
            ranges.add(scaled.low);
            ranges.add(scaled.high);
        }
        numbers.ints(name + ".units", ints(ids));
        numbers.ints(name + ".ends", ints(ends));
        numbers.ints(name + ".notFinite", ints(notFinite));
        float[] all = new float[ranges.size()];
        IntStream.range(0, all.length).forEach(i -> all[i] = ranges.get(i));
        numbers.floats(name + ".range", all);
        return ids.size();
    }

    private ScaledValues add(UnitContexts of) {
        List<float[]> around = new ArrayList<>();
        of.top().forEach(context -> around.add(add(context, STRONGEST)));
        of.samples().forEach(sample -> around.add(add(sample.context(), (float) sample.quantile())));
        float[] all = new float[around.stream().mapToInt(each -> each.length).sum()];
        int to = 0;
        for (float[] each : around) {
            System.arraycopy(each, 0, all, to, each.length);
            to += each.length;
        }
        ScaledValues scaled = new ScaledValues(all);
        values.add(scaled.all);
        return scaled;
    }

    /** The values around. */
    private float[] add(TokenContext context, float quantile) {
        prompts.add(name(context.promptId()));
        labels.add(name(context.labels().getOrDefault(key, "")));
        positions.add(context.position());
        at.add(context.at());
        quantiles.add(quantile);
        int[] ids = context.ids();
        // Many units are strongest at the same tokens.
        tokens.add(known.computeIfAbsent(Arrays.stream(ids).boxed().toList(), any -> texts.of(pieces, ids)));
        return context.values();
    }

    private int name(String name) {
        String shown = name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME) + "…" : name;
        return names.computeIfAbsent(shown, any -> names.size());
    }

    private static int[] ints(List<Integer> list) {
        return list.stream().mapToInt(Integer::intValue).toArray();
    }

    private static short[] joined(List<short[]> parts) {
        short[] all = new short[parts.stream().mapToInt(part -> part.length).sum()];
        int to = 0;
        for (short[] part : parts) {
            System.arraycopy(part, 0, all, to, part.length);
            to += part.length;
        }
        return all;
    }
}
