package io.modscan.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.contexts.TopContexts;
import io.modscan.metrics.selectivity.Selectivity;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a page holds of tokens, and what it refuses. */
class TokenPartsTest {

    private static final int PROMPTS = 50;
    private static final int LABELS = 5;
    private static final int TOKENS = 100;
    private static final int NEURONS = 1_000;

    /** The prompt of which only a token near the end is kept. */
    private static final int SPARSE = 1;

    private static final int KEPT = 90;

    @TempDir
    private Path folder;

    private final Site site =
            new Site("blocks.0.mlp.hook_post", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(NEURONS)), false);

    private Report report() {
        Activations units = Planted.units();
        return Report.of(units.prompts(), "topic").units(units.measure(Selectivity.by("topic")), units);
    }

    /** A value is 1000 × prompt + token + unit / 1000. */
    private Activations many() {
        Prompts prompts = Prompts.of(IntStream.range(0, PROMPTS)
                .mapToObj(i -> Prompt.of("p" + i, "text").withLabel("topic", "label " + i / (PROMPTS / LABELS)))
                .toList());
        List<PromptTokens> tokens = IntStream.range(0, PROMPTS)
                .mapToObj(prompt -> {
                    PromptTokens all =
                            PromptTokens.of(IntStream.range(0, TOKENS).toArray(), List.of());
                    return prompt == SPARSE ? all.keeping(KEPT) : all;
                })
                .toList();
        float[][] rows = new float[PROMPTS][];
        for (int prompt = 0; prompt < PROMPTS; prompt++) {
            int[] kept = tokens.get(prompt).kept();
            rows[prompt] = new float[kept.length * NEURONS];
            for (int i = 0; i < rows[prompt].length; i++) {
                rows[prompt][i] = 1000 * prompt + kept[i / NEURONS] + i % NEURONS / 1000f;
            }
        }
        return Activations.builder(prompts)
                .tokens(tokens)
                .site(site, Pooling.none().over(Positions.parse("where:some")), rows)
                .build();
    }

    private Map<String, Object> write(Activations values, int units, PageNumbers numbers) {
        int[] ranked =
                IntStream.range(0, NEURONS).map(unit -> NEURONS - 1 - unit).toArray();
        RankedUnits all = new RankedUnits(SiteFamily.of(List.of(site)).get(0), ranked, NEURONS);
        Activations some = units == NEURONS
                ? values
                : values.map(each -> each.derived(
                        site.pick(IntStream.range(0, units).toArray()),
                        Pooling.none(),
                        prompt -> new float[each.row(prompt).capacity() / NEURONS * units]));
        List<Integer> places = IntStream.range(0, PROMPTS).boxed().toList();
        List<Integer> labels =
                places.stream().map(place -> place / (PROMPTS / LABELS)).toList();
        return new TextPictures(some, TokenPartsTest::pieces, labels, new TokenTexts(), numbers)
                .write(places, List.of(all));
    }

    private static List<String> pieces(int... ids) {
        return Arrays.stream(ids).mapToObj(id -> "token " + id).toList();
    }

    private static Object length(PageNumbers numbers, String name) {
        return Objects.requireNonNull(numbers.index().get(name)).get(1);
    }

    /** Of many units some are there, with short texts of each label; of few units all, with more of their texts. */
    @Test
    void textsKeepToTheirRoomAndSaySo() {
        PageNumbers numbers = new PageNumbers();
        Map<String, Object> facts = write(many(), NEURONS, numbers);
        assertThat(facts)
                .containsEntry("all", PROMPTS)
                .containsEntry("measured", (long) NEURONS)
                // Of ten texts of forty tokens one has a single value.
                .containsEntry("values", 361)
                .containsEntry("units", List.of(200_000 / 361));
        List<?> prompts = (List<?>) Objects.requireNonNull(facts.get("prompts"));
        assertThat(prompts).hasSize(10);
        assertThat(prompts.stream()
                        .limit(LABELS)
                        .map(prompt -> ((Map<?, ?>) prompt).get("prompt"))
                        .toList())
                .isEqualTo(List.of(0, 10, 20, 30, 40));
        assertThat(prompts.get(0)).isEqualTo(Map.of("prompt", 0, "from", 0, "count", 40, "of", TOKENS));
        // The part with the token that has a value.
        assertThat(prompts.get(LABELS)).isEqualTo(Map.of("prompt", SPARSE, "from", 60, "count", 40, "of", TOKENS));
        assertThat(length(numbers, "texts0.values")).isEqualTo(361 * (200_000 / 361));

        PageNumbers more = new PageNumbers();
        Map<String, Object> ofFew = write(many(), 10, more);
        assertThat((List<?>) ofFew.get("prompts")).hasSize(24);
        assertThat(ofFew).containsEntry("units", List.of(10)).containsEntry("measured", 10L);
        assertThat(length(more, "texts.tokens")).isEqualTo(24 * 64);
    }

    @Test
    void contextsKeepToTheirRoomAndSaySo() {
        PageNumbers numbers = new PageNumbers();
        int[] ranked = IntStream.range(0, NEURONS).toArray();
        RankedUnits all = new RankedUnits(SiteFamily.of(List.of(site)).get(0), ranked, NEURONS);
        Map<String, Object> facts = new ContextPictures(
                        many().measure(TopContexts.of(5)), TokenPartsTest::pieces, "topic", new TokenTexts(), numbers)
                .write(List.of(all));
        // Five of the strongest and five samples each.
        assertThat(facts).containsEntry("units", List.of(300)).containsEntry("measured", NEURONS);
        assertThat(length(numbers, "contexts.prompt")).isEqualTo(3_000);
        RankedUnits few = new RankedUnits(all.family(), ranked, 7);
        assertThat(new ContextPictures(
                                many().measure(TopContexts.of(5)),
                                TokenPartsTest::pieces,
                                "topic",
                                new TokenTexts(),
                                new PageNumbers())
                        .write(List.of(few)))
                .containsEntry("units", List.of(7));
    }

    @Test
    void whatDoesNotBelongToTheReportIsRefused() {
        Activations tokens = PlantedTokens.activations();
        Report empty = Report.of(Planted.prompts(), "topic");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> empty.texts(tokens, PlantedTokens::pieces))
                .withMessageContaining("there are none yet");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report().texts(many(), TokenPartsTest::pieces))
                .withMessageContaining("'p0' is not one of the report's");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report().texts(Planted.units(), PlantedTokens::pieces))
                .withMessageContaining("one value for all tokens");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report().texts(Planted.vectors(), PlantedTokens::pieces))
                .withMessageContaining("the page has no units of blocks.0.hook_resid_post");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report().contexts(many().measure(TopContexts.of(1)), TokenPartsTest::pieces))
                .withMessageContaining("the page has no units of blocks.0.mlp.hook_post; it has those of ");
    }

    @Test
    void eachTokenHasOneText() {
        Report report = report().texts(PlantedTokens.activations(), ids -> List.of("one"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report.write(folder.resolve("page.html")))
                .withMessageContaining("of 7 tokens 1 texts were given");
    }

    @Test
    void tokensThatAreNotKnownAreNamed() {
        Activations tokens = PlantedTokens.activations();
        Activations unknown = Activations.builder(tokens.prompts())
                .site(
                        tokens.sites().get(0).site(),
                        Pooling.none(),
                        IntStream.range(0, tokens.prompts().size())
                                .mapToObj(prompt -> new float[Planted.HEADS])
                                .toArray(float[][]::new))
                .build();
        Report report = report().texts(unknown, PlantedTokens::pieces);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> report.write(folder.resolve("page.html")))
                .withMessageContaining("the token ids of prompt 'p0")
                .withMessageContaining("are not known");
    }

    /** From the least to the greatest, whatever these are. */
    @Test
    void valuesAreScaled() {
        ScaledValues scaled =
                new ScaledValues(-Float.MAX_VALUE, 0, Float.MAX_VALUE, Float.NaN, Float.POSITIVE_INFINITY);
        assertThat(scaled.low).isEqualTo(-Float.MAX_VALUE);
        assertThat(scaled.high).isEqualTo(Float.MAX_VALUE);
        assertThat(scaled.all)
                .containsExactly((short) 0, (short) 32_767, (short) 65_534, (short) 65_535, (short) 65_535);
        assertThat(new ScaledValues(3, 3).all).containsExactly((short) 0, (short) 0);
        assertThat(new ScaledValues(Float.NaN).high).isZero();
    }
}
