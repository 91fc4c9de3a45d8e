package io.modscan.metrics.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.Golden;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HeadBehaviourTest {

    private static final int BOS = 2;
    private static final String NAME = "blocks.3.attn.hook_pattern";

    private static Site pattern(int heads) {
        return new Site(NAME, OptionalInt.of(3), List.of(Axis.heads(heads), Axis.QUERY, Axis.KEY), false);
    }

    private static Prompt prompt(String id, int tokens, boolean beginsWithBos, String topic) {
        int[] ids = IntStream.range(10, 10 + tokens).toArray();
        if (beginsWithBos) {
            ids[0] = BOS;
        }
        return Prompt.ofTokens(id, ids).withLabel("topic", topic);
    }

    private static Activations of(Site site, List<Prompt> prompts, float[]... patterns) {
        return Activations.builder(Prompts.of(prompts))
                .site(site, Pooling.none(), patterns)
                .provenance(Map.of("model.bos_token_id", Integer.toString(BOS)))
                .build();
    }

    /** The pattern of one prompt of as many tokens as it has. */
    private static Activations one(int heads, boolean beginsWithBos, float... pattern) {
        int tokens = (int) Math.sqrt(pattern.length / (double) heads);
        return of(pattern(heads), List.of(prompt("p", tokens, beginsWithBos, "a")), pattern);
    }

    private static float[] seen(UnaryOperator<Activations> view, Activations activations) {
        return view.apply(activations).at(NAME + ".behaviour").vector(0);
    }

    static Stream<Map<String, Object>> behaviours() {
        return Golden.cases("modules.json", "behaviours");
    }

    @ParameterizedTest
    @MethodSource("behaviours")
    void agreesWithNumPy(Map<String, Object> golden) {
        float[] pattern = Golden.floats(golden.get("pattern"));
        int tokens = Golden.integer(golden.get("tokens"));
        Activations activations =
                one(pattern.length / tokens / tokens, Golden.integer(golden.get("bos")) == 1, pattern);
        assertClose(seen(HeadBehaviour.view(), activations), Golden.matrix(golden.get("absolute")));
        assertClose(seen(HeadBehaviour.relative(), activations), Golden.matrix(golden.get("relative")));
    }

    private static void assertClose(float[] actual, double[][] expected) {
        double[] flat = Arrays.stream(expected).flatMapToDouble(Arrays::stream).toArray();
        assertThat(actual).hasSize(flat.length);
        for (int i = 0; i < flat.length; i++) {
            if (Double.isNaN(flat[i])) {
                assertThat(actual[i]).isNaN();
            } else {
                assertThat((double) actual[i]).isCloseTo(flat[i], within(1e-7 + 1e-6 * Math.abs(flat[i])));
            }
        }
    }

    @Test
    void theUnitsAreTheBehavioursInOrder() {
        // Four tokens; the queries behind the first give all to themselves.
        float[] numbers = seen(HeadBehaviour.view(), one(1, true, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1));
        assertThat(Arrays.stream(HeadBehaviour.values()).map(HeadBehaviour::index))
                .containsExactly(0, 1, 2, 3, 4);
        assertThat(numbers).containsExactly(0, 0, 0, 1, 0);
        assertThat(numbers[HeadBehaviour.SELF.index()]).isEqualTo(1);
        numbers = seen(HeadBehaviour.view(), one(1, true, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0));
        assertThat(numbers[HeadBehaviour.DISTANCE.index()]).isEqualTo(2);
        assertThat(numbers[HeadBehaviour.BOS.index()]).isEqualTo(1);
        assertThat(numbers[HeadBehaviour.PREVIOUS.index()]).isEqualTo(1 / 3f);
    }

    @Test
    void theFirstQueryIsLeftOut() {
        float[] numbers = seen(HeadBehaviour.view(), one(1, true, Float.NaN, 7, 0, 1));
        assertThat(numbers).containsExactly(0, 0, 0, 1, 0);
        assertThat(seen(HeadBehaviour.view(), one(2, true, 1, 1))).hasSize(10).containsOnly(Float.NaN);
    }

    @Test
    void nanStaysInItsHead() {
        float[] numbers = seen(HeadBehaviour.view(), one(2, true, 1, 0, Float.NaN, 1, 1, 0, 0.5f, 0.5f));
        assertThat(numbers[0]).isNaN();
        assertThat(numbers[1]).isNaN();
        assertThat(numbers[2]).isNaN();
        assertThat(numbers[3]).isEqualTo(1);
        assertThat(numbers[4]).isNaN();
        assertThat(Arrays.copyOfRange(numbers, 5, 10)).containsExactly((float) Math.log(2), 0.5f, 0.5f, 0.5f, 0.5f);
    }

    @Test
    void bosIsZeroWithoutItAndNaNIfItIsNotKnown() {
        float[] pattern = {1, 0, 0.25f, 0.75f};
        assertThat(seen(HeadBehaviour.view(), one(1, true, pattern))[2]).isEqualTo(0.25f);
        assertThat(seen(HeadBehaviour.view(), one(1, false, pattern))[2]).isEqualTo(0);
        Site site = pattern(1);
        Prompts ready = Prompts.of(List.of(prompt("p", 2, true, "a")));
        Activations untold =
                Activations.builder(ready).site(site, Pooling.none(), pattern).build();
        assertThat(seen(HeadBehaviour.view(), untold)[2]).isNaN();
        assertThat(seen(HeadBehaviour.view(), untold)[3]).isEqualTo(0.75f);
        Activations withoutIds = Activations.builder(Prompts.of("a text"))
                .site(site, Pooling.none(), pattern)
                .provenance(Map.of("model.bos_token_id", "2"))
                .build();
        assertThat(seen(HeadBehaviour.view(), withoutIds)[2]).isNaN();
    }

    @Test
    void otherSitesStay() {
        Site scores = new Site(
                "blocks.3.attn.hook_attn_scores",
                OptionalInt.of(3),
                List.of(Axis.heads(1), Axis.QUERY, Axis.KEY),
                false);
        Site z = new Site("blocks.3.attn.hook_z", OptionalInt.of(3), List.of(Axis.heads(1), Axis.units(2)), false);
        Activations activations = Activations.builder(Prompts.of(List.of(prompt("p", 2, true, "a"))))
                .site(scores, Pooling.none(), new float[] {1, 2, 3, 4})
                .site(pattern(1), Pooling.none(), new float[] {1, 0, 0.5f, 0.5f})
                .site(z, Pooling.none(), new float[] {5, 6})
                .build();
        Activations seen = HeadBehaviour.view().apply(activations);
        assertThat(seen.sites())
                .extracting(site -> site.site().name())
                .containsExactly(scores.name(), NAME + ".behaviour", z.name());
        assertThat(seen.at(z).vector(0)).containsExactly(5, 6);
        Site made = seen.sites().get(1).site();
        assertThat(made.axes())
                .containsExactly(Axis.heads(1), Axis.units(List.of("ENTROPY", "DISTANCE", "BOS", "SELF", "PREVIOUS")));
        assertThat(made.layer()).hasValue(3);
        // What was seen once is no pattern any more.
        assertThat(HeadBehaviour.view().apply(seen).sites())
                .extracting(SiteActivations::site)
                .contains(made);
        Activations all = HeadBehaviour.view(site -> site.isPairwise()).apply(activations);
        assertThat(all.sites())
                .extracting(site -> site.site().name())
                .containsExactly(scores.name() + ".behaviour", NAME + ".behaviour", z.name());
        assertThat(HeadBehaviour.relative(site -> site.isPairwise())
                        .apply(activations)
                        .sites())
                .hasSameSizeAs(activations.sites());
        assertThatThrownBy(() -> HeadBehaviour.view(site -> true).apply(activations))
                .isInstanceOf(ModscanException.class)
                .hasMessage(
                        "blocks.3.attn.hook_z is no attention pattern: it has the axes [HEAD, UNIT], not QUERY and KEY");
    }

    @Test
    void withoutAnyPatternItIsRefused() {
        Site z = new Site("blocks.3.attn.hook_z.magnitude", OptionalInt.of(3), List.of(Axis.heads(2)), false);
        Site scores = new Site(
                "blocks.3.attn.hook_attn_scores",
                OptionalInt.of(3),
                List.of(Axis.heads(1), Axis.QUERY, Axis.KEY),
                false);
        Activations activations = Activations.builder(
                        Prompts.of(List.of(prompt("p", 1, true, "a"), prompt("q", 1, true, "b"))))
                .site(z, Pooling.none(), new float[] {5, 6}, new float[] {5, 6})
                .site(scores, Pooling.none(), new float[] {1}, new float[] {1})
                .build();
        for (UnaryOperator<Activations> view : List.of(HeadBehaviour.view(), HeadBehaviour.relative())) {
            assertThatThrownBy(() -> activations.measure(Selectivity.by("topic").through(view)))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContainingAll("no attention pattern", z.name(), "blocks.*.attn.hook_pattern");
        }
        for (UnaryOperator<Activations> view :
                List.of(HeadBehaviour.view(site -> false), HeadBehaviour.relative(site -> false))) {
            assertThatThrownBy(() -> view.apply(activations)).isInstanceOf(ModscanException.class);
        }
    }

    @Test
    void aPatternHasAsManyKeysAsQueries() {
        Activations wrong = of(pattern(2), List.of(prompt("p", 2, true, "a")), new float[] {1, 0, 0, 1, 1, 0});
        assertThatThrownBy(() -> HeadBehaviour.view().apply(wrong))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("6 values in 2 heads");
    }

    /** Prompts of two topics and different lengths; head 1 looks at the token before in topic b. */
    private static Activations planted(int prompts) {
        Random random = new Random(3);
        List<Prompt> all = new ArrayList<>();
        float[][] patterns = new float[prompts][];
        for (int i = 0; i < prompts; i++) {
            int tokens = 4 + random.nextInt(5);
            boolean planted = i % 2 == 1;
            all.add(prompt("p" + i, tokens, true, planted ? "b" : "a"));
            patterns[i] = new float[2 * tokens * tokens];
            for (int head = 0; head < 2; head++) {
                for (int query = 0; query < tokens; query++) {
                    double[] weights = new double[query + 1];
                    Arrays.setAll(weights, key -> random.nextDouble());
                    if (head == 1 && planted && query > 0) {
                        weights[query - 1] += 2 * query;
                    }
                    double sum = Arrays.stream(weights).sum();
                    for (int key = 0; key <= query; key++) {
                        patterns[i][(head * tokens + query) * tokens + key] = (float) (weights[key] / sum);
                    }
                }
            }
        }
        return of(pattern(2), all, patterns);
    }

    @Test
    void findsTheHeadThatLooksBackForOneTopic() {
        SelectivityMap map = planted(40).measure(Selectivity.by("topic").through(HeadBehaviour.view()));
        Site site = map.sites().get(0);
        UnitSelectivity previous = map.get(Unit.of(site, 1, HeadBehaviour.PREVIOUS.index()), "b");
        assertThat(previous.q()).isLessThan(1e-6);
        assertThat(previous.auroc()).isEqualTo(1);
        assertThat(map.top("b", 1)).containsExactly(previous);
        assertThat(previous).asString().startsWith(site + " head 1 PREVIOUS, b: AUROC 1.000");
        UnitSelectivity entropy = map.get(Unit.of(site, 1, HeadBehaviour.ENTROPY.index()), "b");
        assertThat(entropy.auroc()).isLessThan(0.2);
        assertThat(map.count(row -> row.unit().head().getAsInt() == 0 && row.q() <= 0.05))
                .isZero();
    }

    @Test
    void aHeadByItselfIsSeenLikeAmongOthers() {
        Activations activations = planted(12);
        Map<Site, SelectivityMap> byHead = activations.measure(
                Selectivity.by("topic").through(HeadBehaviour.view()).perHead());
        SelectivityMap together = activations.measure(Selectivity.by("topic").through(HeadBehaviour.view()));
        assertThat(byHead).hasSize(2);
        int head = 0;
        for (SelectivityMap one : byHead.values()) {
            for (HeadBehaviour behaviour : HeadBehaviour.values()) {
                Site all = together.sites().get(0);
                assertThat(one.get(Unit.of(one.sites().get(0), behaviour.index()), "b")
                                .meanIn())
                        .isEqualTo(together.get(Unit.of(all, 5 * head + behaviour.index()), "b")
                                .meanIn());
            }
            head++;
        }
    }

    @Test
    void keepsTheContractOfMetrics() {
        Metric<List<String>> metric = Selectivity.by("topic")
                .through(HeadBehaviour.relative())
                .map(map -> map.rows().map(Object::toString).toList());
        MetricContract.of(metric, planted(11))
                .onNaN(rows -> assertThat(rows).hasSize(20))
                .verify();
    }
}
