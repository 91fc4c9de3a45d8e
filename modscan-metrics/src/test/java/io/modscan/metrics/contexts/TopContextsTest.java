package io.modscan.metrics.contexts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TopContextsTest {

    private static final Map<String, String> BOS_IS_2 = Map.of("model.bos_token_id", "2");
    private static final Site MLP = PlantedModel.units("blocks.0.mlp.hook_post", 5);
    private static final Site HEADS = PlantedModel.heads("blocks.0.attn.hook_z", 2, 3);

    /** Values of few kinds, so that there are ties; BOS is the largest by far. */
    private static Activations random(int prompts, long seed) {
        Random random = new Random(seed);
        List<Prompt> all = new ArrayList<>();
        float[][] mlp = new float[prompts][];
        float[][] heads = new float[prompts][];
        for (int i = 0; i < prompts; i++) {
            int[] ids = random.ints(2 + random.nextInt(12), 3, 50).toArray();
            ids[0] = i % 5 == 0 ? 7 : 2;
            all.add(Prompt.ofTokens("p" + (i * 7919) % 1000, ids).withLabel("topic", "t" + i % 2));
            mlp[i] = values(random, ids, MLP.width());
            heads[i] = values(random, ids, HEADS.width());
        }
        return Activations.builder(Prompts.of(all))
                .provenance(BOS_IS_2)
                .site(MLP, Pooling.none(), mlp)
                .site(HEADS, Pooling.none(), heads)
                .build();
    }

    private static float[] values(Random random, int[] ids, int width) {
        float[] values = new float[ids.length * width];
        for (int i = 0; i < values.length; i++) {
            values[i] = i < width && ids[0] == 2 ? 100 : random.nextInt(-20, 20) / 4f;
        }
        return values;
    }

    private record Found(String prompt, int position, float value) {}

    /** A full sort of all tokens. */
    private static List<Found> sorted(Activations all, Unit unit, int most, boolean absolute) {
        List<Found> strongest = new ArrayList<>();
        for (int prompt = 0; prompt < all.prompts().size(); prompt++) {
            String id = all.prompts().get(prompt).id();
            int at = prompt;
            int[] kept = all.tokens(prompt).kept();
            IntStream.range(0, kept.length)
                    .filter(i -> all.tokenIds(at)[kept[i]] != 2)
                    .mapToObj(i -> new Found(id, kept[i], all.at(unit.site()).vector(at, i)[unit.inSite()]))
                    .filter(found -> Float.isFinite(found.value()))
                    .max(Comparator.<Found>comparingDouble(found -> strength(found, absolute))
                            .thenComparing(
                                    Comparator.comparingInt(Found::position).reversed()))
                    .ifPresent(strongest::add);
        }
        return strongest.stream()
                .sorted(Comparator.<Found>comparingDouble(found -> -strength(found, absolute))
                        .thenComparing(Found::prompt))
                .limit(most)
                .toList();
    }

    private static double strength(Found found, boolean absolute) {
        return absolute ? Math.abs(found.value()) : found.value();
    }

    private static List<Found> found(UnitContexts contexts) {
        return contexts.top().stream()
                .map(context -> new Found(context.promptId(), context.position(), context.value()))
                .toList();
    }

    @Test
    void areThoseOfAFullSort() {
        Activations all = random(200, 1);
        for (boolean absolute : new boolean[] {false, true}) {
            TopContexts metric = absolute ? TopContexts.of(7).absolute() : TopContexts.of(7);
            ContextMap map = all.measure(metric);
            assertThat(map.size()).isEqualTo(11);
            map.units()
                    .forEach(unit -> assertThat(found(unit))
                            .as(unit.unit().toString())
                            .isEqualTo(sorted(all, unit.unit(), 7, absolute)));
        }
    }

    @Test
    void theTextAroundIsThere() {
        Activations all = random(50, 2);
        ContextMap map = all.measure(TopContexts.of(3).withWidth(2));
        for (UnitContexts unit : map.units().toList()) {
            for (TokenContext context : unit.top()) {
                int prompt = all.prompts().stream().map(Prompt::id).toList().indexOf(context.promptId());
                int[] ids = all.tokenIds(prompt);
                int from = Math.max(0, context.position() - 2);
                int to = Math.min(ids.length, context.position() + 3);
                assertThat(context.ids()).containsExactly(Arrays.copyOfRange(ids, from, to));
                assertThat(context.at()).isEqualTo(context.position() - from);
                assertThat(context.labels()).isEqualTo(all.prompts().get(prompt).labels());
                for (int i = from; i < to; i++) {
                    float expected = i == 0 && ids[0] == 2
                            ? Float.NaN
                            : all.at(unit.unit().site())
                                    .vector(prompt, i)[unit.unit().inSite()];
                    assertThat(context.values()[i - from]).isEqualTo(Float.valueOf(expected));
                }
            }
        }
    }

    @Test
    void samplesAreOfAllTokensAlike() {
        Activations all = random(300, 3);
        ContextMap whole = all.measure(TopContexts.of(1).withSample(100_000).withQuantiles(0, 0.5, 1));
        for (UnitContexts unit : whole.units().toList()) {
            List<Float> values = new ArrayList<>();
            for (int prompt = 0; prompt < 300; prompt++) {
                for (int i = all.tokenIds(prompt)[0] == 2 ? 1 : 0; i < all.tokenIds(prompt).length; i++) {
                    values.add(all.at(unit.unit().site())
                            .vector(prompt, i)[unit.unit().inSite()]);
                }
            }
            values.sort(null);
            assertThat(unit.tokens()).isEqualTo(values.size());
            assertThat(unit.samples()).extracting(UnitContexts.Sample::quantile).containsExactly(1.0, 0.5, 0.0);
            assertThat(unit.samples())
                    .extracting(sample -> sample.context().value())
                    .containsExactly(
                            values.get(values.size() - 1),
                            values.get((int) Math.round(0.5 * (values.size() - 1))),
                            values.get(0));
        }
        // Of a small sample it is about so: no token is likelier than others.
        ContextMap some = all.measure(TopContexts.of(1).withSample(64).withQuantiles(0.5));
        double mean = some.units()
                .mapToDouble(unit -> unit.samples().get(0).context().value())
                .average()
                .orElseThrow();
        assertThat(mean).isBetween(-1.5, 1.5);
    }

    @Test
    void onlyTokensThatWereKeptCount() {
        Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 2, 5, 6, 7)));
        Site site = PlantedModel.units("site", 1);
        ContextMap map = Activations.builder(prompts)
                .provenance(BOS_IS_2)
                .tokens(List.of(
                        PromptTokens.of(new int[] {2, 5, 6, 7}, List.of()).keeping(0, 2, 3)))
                .site(site, Pooling.none().over(Positions.where("x", token -> true)), new float[] {9, 3, 2})
                .build()
                .measure(TopContexts.of(2));
        UnitContexts unit = map.get(Unit.of(site, 0));
        assertThat(found(unit)).containsExactly(new Found("a", 2, 3));
        assertThat(unit.top().get(0).values()).containsExactly(Float.NaN, Float.NaN, 3, 2);
        assertThat(unit.tokens()).isEqualTo(2);
    }

    @Test
    void whatIsNoNumberIsCountedAndNoContext() {
        Site site = PlantedModel.units("site", 2);
        ContextMap map = Activations.builder(Prompts.of(List.of(Prompt.ofTokens("a", 5, 6, 7))))
                .site(site, Pooling.none(), new float[] {
                    Float.NaN, Float.NaN, 1, Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY
                })
                .build()
                .measure(TopContexts.of(2));
        assertThat(found(map.get(Unit.of(site, 0)))).containsExactly(new Found("a", 1, 1));
        assertThat(map.get(Unit.of(site, 0)).notFinite()).isEqualTo(2);
        assertThat(map.get(Unit.of(site, 1)).top()).isEmpty();
        assertThat(map.get(Unit.of(site, 1)).samples()).isEmpty();
        assertThat(map.get(Unit.of(site, 1)).notFinite()).isEqualTo(3);
    }

    @Test
    void keepsTheContractOfMetrics() {
        Metric<List<UnitContexts>> metric =
                TopContexts.of(3).withSample(20).map(map -> map.units().toList());
        MetricContract.of(metric, random(40, 4)).verify();
    }

    @Test
    void refusesWhatHasNoTokens() {
        Activations pooled = random(5, 5).pooled(Pooling.mean());
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> pooled.measure(TopContexts.of(3)))
                .withMessageContainingAll("hook_post", "'mean'", "without pooling");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> random(5, 5).measure(TopContexts.of(1 << 26)))
                .withMessageContainingAll("heap", "fewer or narrower contexts");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> random(5, 5).measure(TopContexts.of(1)).get(Unit.of(PlantedModel.units("x", 1), 0)))
                .withMessageContainingAll("'x'", "hook_post");
        assertThatIllegalArgumentException().isThrownBy(() -> TopContexts.of(0));
        assertThatIllegalArgumentException().isThrownBy(() -> TopContexts.of(1).withWidth(-1));
        assertThatIllegalArgumentException().isThrownBy(() -> TopContexts.of(1).withSample(-1));
        assertThatIllegalArgumentException().isThrownBy(() -> TopContexts.of(1).withQuantiles(1.1));
    }
}
