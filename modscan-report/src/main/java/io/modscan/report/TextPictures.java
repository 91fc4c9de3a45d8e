package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Unit;
import io.modscan.core.token.PromptTokens;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.IntStream;

/** The numbers behind texts that are coloured token by token: what some units do at each token of some prompts. */
final class TextPictures {

    /** Values in a page, units × tokens; of more, the units that tell labels apart best. */
    private static final int MOST_VALUES = 200_000;

    /** Tokens of all texts, however many units there are; with few units there are more. */
    private static final int FEWEST_TOKENS = 400;

    private static final int MOST_TEXTS = 24;

    /** Tokens of a text. */
    private static final int USUAL_TOKENS = 40;

    private static final int MOST_TOKENS = 64;

    /** A token without a value: it was not kept, or it is BOS. */
    private static final int NOT_KEPT = -1;

    private static final int BOS = -2;

    private final Activations values;
    private final Function<int[], List<String>> pieces;
    private final List<Integer> labels;
    private final TokenTexts texts;
    private final PageNumbers numbers;
    private final List<Valued> valued = new ArrayList<>();

    /**
     * A token with values.
     *
     * @param prompt its prompt's index
     * @param row    which of the tokens that were kept
     */
    private record Valued(int prompt, int row) {}

    /** @param labels each prompt's label, as a number */
    TextPictures(
            Activations values,
            Function<int[], List<String>> pieces,
            List<Integer> labels,
            TokenTexts texts,
            PageNumbers numbers) {
        this.values = values;
        this.pieces = pieces;
        this.labels = labels;
        this.texts = texts;
        this.numbers = numbers;
    }

    /**
     * Writes the numbers.
     *
     * @param places where a prompt is among the page's
     * @param units  the page's units by family
     */
    Map<String, Object> write(List<Integer> places, List<RankedUnits> units) {
        UnitColumns columns = new UnitColumns(
                values.sites().stream().map(SiteActivations::site).toList());
        long room = Math.max(FEWEST_TOKENS, MOST_VALUES / Math.max(1, columns.size()));
        int most = (int) Math.min(MOST_TEXTS, room / USUAL_TOKENS);
        int ofText = (int) Math.min(MOST_TOKENS, room / Math.min(most, labels.size()));
        List<Map<String, Object>> prompts = new ArrayList<>();
        List<int[]> tokens = new ArrayList<>();
        List<int[]> slots = new ArrayList<>();
        for (int prompt : chosen(most)) {
            PromptTokens of = values.tokens(prompt);
            int[] slot = slots(prompt, of);
            int from = from(ofText, slot);
            int to = Math.min(slot.length, from + ofText);
            tokens.add(texts.part(pieces, from, to, of.ids()));
            slots.add(places(prompt, Arrays.copyOfRange(slot, from, to)));
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("prompt", places.get(prompt));
            facts.put("from", from);
            facts.put("count", to - from);
            facts.put("of", slot.length);
            prompts.add(facts);
        }
        numbers.ints("texts.tokens", joined(tokens));
        numbers.ints("texts.slots", joined(slots));
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("prompts", prompts);
        facts.put("all", values.prompts().size());
        facts.put("values", valued.size());
        facts.put("measured", columns.size());
        facts.put("units", writeUnits(units, columns));
        return facts;
    }

    /** The first prompt of each label, the second of each, and so on. */
    private int[] chosen(int most) {
        int[] round = new int[labels.size()];
        int[] seen = new int[labels.stream().mapToInt(label -> label + 1).max().orElse(0)];
        for (int prompt = 0; prompt < round.length; prompt++) {
            round[prompt] = seen[labels.get(prompt)]++;
        }
        return IntStream.range(0, round.length)
                .boxed()
                .sorted((one, other) -> Integer.compare(round[one], round[other]))
                .limit(most)
                .mapToInt(prompt -> prompt)
                .toArray();
    }

    /** For each token of a prompt which of its kept tokens it is, or why it is none. */
    private int[] slots(int prompt, PromptTokens tokens) {
        if (tokens.size() == 0 || tokens.id(0) < 0) {
            throw new ModscanException("the token ids of prompt '"
                    + values.prompts().get(prompt).id()
                    + "' are not known, so there is no text to colour");
        }
        int[] slots = new int[tokens.size()];
        Arrays.fill(slots, NOT_KEPT);
        int[] kept = tokens.kept();
        IntStream.range(0, kept.length).forEach(row -> slots[kept[row]] = row);
        if (values.knowsBos(prompt) && values.beginsWithBos(prompt)) {
            slots[0] = BOS;
        }
        return slots;
    }

    /** Of a long text the part that begins a little before the first token with a value. */
    private static int from(int most, int... slots) {
        int first = IntStream.range(0, slots.length)
                .filter(token -> slots[token] >= 0)
                .findFirst()
                .orElse(0);
        return Math.max(0, Math.min(slots.length - most, first - most / 4));
    }

    /** For each token where its values are among those of all texts. */
    private int[] places(int prompt, int... slots) {
        return Arrays.stream(slots)
                .map(slot -> {
                    if (slot >= 0) {
                        valued.add(new Valued(prompt, slot));
                    }
                    return slot >= 0 ? valued.size() - 1 : slot;
                })
                .toArray();
    }

    private List<Integer> writeUnits(List<RankedUnits> units, UnitColumns columns) {
        List<Integer> shown = new ArrayList<>();
        int room = MOST_VALUES / Math.max(1, valued.size());
        for (int family = 0; family < units.size(); family++) {
            SiteFamily of = units.get(family).family();
            int[] ids = Arrays.stream(units.get(family).units())
                    .filter(unit -> columns.of(of, unit) != null)
                    .limit(room / (units.size() - family))
                    .toArray();
            room -= ids.length;
            shown.add(ids.length);
            float[] ranges = new float[2 * ids.length];
            short[] all = new short[ids.length * valued.size()];
            for (int i = 0; i < ids.length; i++) {
                ScaledValues scaled = new ScaledValues(values(Objects.requireNonNull(columns.of(of, ids[i]))));
                ranges[2 * i] = scaled.low;
                ranges[2 * i + 1] = scaled.high;
                System.arraycopy(scaled.all, 0, all, i * valued.size(), valued.size());
            }
            numbers.ints("texts" + family + ".units", ids);
            numbers.floats("texts" + family + ".range", ranges);
            numbers.unsignedShorts("texts" + family + ".values", all);
        }
        return shown;
    }

    private float[] values(Unit unit) {
        SiteActivations site = values.at(unit.site());
        float[] all = new float[valued.size()];
        for (int i = 0; i < all.length; i++) {
            FloatBuffer row = site.row(valued.get(i).prompt());
            all[i] = row.get(valued.get(i).row() * unit.site().width() + unit.inSite());
        }
        return all;
    }

    private static int[] joined(List<int[]> parts) {
        return parts.stream().flatMapToInt(Arrays::stream).toArray();
    }
}
