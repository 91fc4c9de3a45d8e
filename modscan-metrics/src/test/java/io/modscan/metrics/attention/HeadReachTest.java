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
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeadReachTest {

    private static final int BOS = 2;
    private static final String NAME = "blocks.3.attn.hook_pattern.attribution";

    private static Site pattern(int heads) {
        return new Site(
                "blocks.3.attn.hook_pattern",
                OptionalInt.of(3),
                List.of(Axis.heads(heads), Axis.QUERY, Axis.KEY),
                false);
    }

    private static Prompt prompt(String id, int tokens, boolean beginsWithBos, String topic) {
        int[] ids = IntStream.range(10, 10 + tokens).toArray();
        if (beginsWithBos) {
            ids[0] = BOS;
        }
        return Prompt.ofTokens(id, ids).withLabel("topic", topic);
    }

    private static Activations of(Site site, List<Prompt> prompts, float[]... attributions) {
        return Activations.builder(Prompts.of(prompts))
                .site(site, Pooling.none(), attributions)
                .provenance(Map.of("model.bos_token_id", Integer.toString(BOS)))
                .build();
    }

    /** The attributions of one prompt of as many tokens as it has. */
    private static Activations one(int heads, boolean beginsWithBos, float... attributions) {
        int tokens = (int) Math.sqrt(attributions.length / (double) heads);
        return of(pattern(heads).attribution(), List.of(prompt("p", tokens, beginsWithBos, "a")), attributions);
    }

    private static float[] seen(UnaryOperator<Activations> view, Activations activations) {
        return view.apply(activations).at(NAME + ".reach").vector(0);
    }

    /** An edge of a head. */
    private record Edge(int query, int key, double value) {}

    private static double sum(List<Edge> edges, Predicate<Edge> which, ToDoubleFunction<Edge> of) {
        return edges.stream().filter(which).mapToDouble(of).sum();
    }

    /** The table of the Javadoc, written down again. */
    private static double[] expected(List<Edge> all, boolean relative, boolean beginsWithBos) {
        ToDoubleFunction<Edge> size = edge -> Math.abs(edge.value());
        List<Edge> chosen = all.stream().filter(edge -> edge.query() > 0).toList();
        double whole = sum(chosen, edge -> true, size);
        return new double[] {
            sum(all, edge -> true, Edge::value),
            sum(all, edge -> true, size),
            sum(all, edge -> edge.value() > 0, size) / sum(all, edge -> true, size),
            sum(
                            chosen,
                            edge -> true,
                            edge -> size.applyAsDouble(edge)
                                    * (edge.query() - edge.key())
                                    / (relative ? edge.query() : 1))
                    / whole,
            beginsWithBos ? sum(chosen, edge -> edge.key() == 0, size) / whole : 0,
            sum(chosen, edge -> edge.key() == edge.query(), size) / whole,
            sum(chosen, edge -> edge.key() == edge.query() - 1, size) / whole
        };
    }

    @ParameterizedTest
    @CsvSource({"2, true", "5, true", "9, false"})
    void isWhatItsTableSays(int tokens, boolean beginsWithBos) {
        int heads = 3;
        Random random = new Random(tokens);
        float[] attributions = new float[heads * tokens * tokens];
        List<List<Edge>> edges = new ArrayList<>();
        for (int head = 0; head < heads; head++) {
            edges.add(new ArrayList<>());
            for (int query = 0; query < tokens; query++) {
                for (int key = 0; key <= query; key++) {
                    float value = (float) random.nextGaussian();
                    attributions[(head * tokens + query) * tokens + key] = value;
                    edges.get(head).add(new Edge(query, key, value));
                }
            }
        }
        Activations activations = one(heads, beginsWithBos, attributions);
        for (boolean relative : new boolean[] {false, true}) {
            float[] numbers = seen(relative ? HeadReach.relative() : HeadReach.view(), activations);
            assertThat(numbers).hasSize(7 * heads);
            for (int i = 0; i < numbers.length; i++) {
                double number = expected(edges.get(i / 7), relative, beginsWithBos)[i % 7];
                assertThat((double) numbers[i])
                        .as("number %s, relative %s", i % 7, relative)
                        .isCloseTo(number, within(1e-7 + 1e-6 * Math.abs(number)));
            }
        }
    }

    @Test
    void theUnitsAreTheNumbersInOrder() {
        assertThat(Arrays.stream(HeadReach.values()).map(HeadReach::index)).containsExactly(0, 1, 2, 3, 4, 5, 6);
        // Three tokens; of the last query's edges that to the first is as large as the other two.
        float[] numbers = seen(HeadReach.view(), one(1, true, 0, 0, 0, 0, 0, 0, 2, -1, 1));
        assertThat(numbers).containsExactly(2, 4, 0.75f, 1.25f, 0.5f, 0.25f, 0.25f);
        numbers = seen(HeadReach.relative(), one(1, true, 0, 0, 0, 0, 0, 0, 2, -1, 1));
        assertThat(numbers).containsExactly(2, 4, 0.75f, 0.625f, 0.5f, 0.25f, 0.25f);
    }

    @Test
    void edgesThatCancelStillHaveAPlace() {
        assertThat(seen(HeadReach.view(), one(1, true, 0, 0, 0, 0, 0, 0, 3, 0, -3)))
                .containsExactly(0, 6, 0.5f, 1, 0.5f, 0.5f, 0);
    }

    @Test
    void theFirstQueryHasAnEffectAndNoPlace() {
        assertThat(seen(HeadReach.view(), one(1, true, -7, 0, 0, 1))).containsExactly(-6, 8, 0.125f, 0, 0, 1, 0);
        assertThat(seen(HeadReach.view(), one(2, true, -7, 0)))
                .containsExactly(
                        -7, 7, 0, Float.NaN, Float.NaN, Float.NaN, Float.NaN, 0, 0, Float.NaN, Float.NaN, Float.NaN,
                        Float.NaN, Float.NaN);
    }

    @Test
    void ofNothingThereIsNoShare() {
        // -0 is what a weight of 0 makes of a positive gradient.
        assertThat(seen(HeadReach.view(), one(1, true, 5, -0f, -0f, 0)))
                .containsExactly(5, 5, 1, Float.NaN, Float.NaN, Float.NaN, Float.NaN);
        assertThat(seen(HeadReach.view(), one(1, false, 0, 0, 0, 0)))
                .containsExactly(0, 0, Float.NaN, Float.NaN, Float.NaN, Float.NaN, Float.NaN);
    }

    @Test
    void nanStaysInItsHeadAndInWhatItIsPartOf() {
        float[] numbers = seen(HeadReach.view(), one(3, true, 1, 0, Float.NaN, 1, Float.NaN, 0, 1, 1, 1, 0, 1, 1));
        assertThat(Arrays.copyOf(numbers, 7)).containsOnly(Float.NaN);
        assertThat(Arrays.copyOfRange(numbers, 7, 14))
                .containsExactly(Float.NaN, Float.NaN, Float.NaN, 0.5f, 0.5f, 0.5f, 0.5f);
        assertThat(Arrays.copyOfRange(numbers, 14, 21)).containsExactly(3, 3, 1, 0.5f, 0.5f, 0.5f, 0.5f);
        float infinite = Float.NEGATIVE_INFINITY;
        assertThat(seen(HeadReach.view(), one(1, true, 0, 0, infinite, 1)))
                .containsExactly(infinite, -infinite, Float.NaN, Float.NaN, Float.NaN, Float.NaN, Float.NaN);
    }

    @Test
    void bosIsZeroWithoutItAndNaNIfItIsNotKnown() {
        float[] attributions = {0, 0, 1, 3};
        int bos = HeadReach.BOS.index();
        assertThat(seen(HeadReach.view(), one(1, true, attributions))[bos]).isEqualTo(0.25f);
        assertThat(seen(HeadReach.view(), one(1, false, attributions))[bos]).isEqualTo(0);
        Activations untold = Activations.builder(Prompts.of(List.of(prompt("p", 2, true, "a"))))
                .site(pattern(1).attribution(), Pooling.none(), attributions)
                .build();
        assertThat(seen(HeadReach.view(), untold)[bos]).isNaN();
        assertThat(seen(HeadReach.view(), untold)[HeadReach.SELF.index()]).isEqualTo(0.75f);
    }

    @Test
    void otherSitesStay() {
        Site scores = new Site(
                "blocks.3.attn.hook_attn_scores",
                OptionalInt.of(3),
                List.of(Axis.heads(1), Axis.QUERY, Axis.KEY),
                false);
        float[] values = {1, 2, 3, 4};
        Activations activations = Activations.builder(Prompts.of(List.of(prompt("p", 2, true, "a"))))
                .site(scores.attribution(), Pooling.none(), values)
                .site(pattern(1), Pooling.none(), values)
                .site(pattern(1).gradient(), Pooling.none(), values)
                .site(pattern(1).attribution(), Pooling.none(), values)
                .build();
        List<String> expected = List.of(
                "blocks.3.attn.hook_attn_scores.attribution",
                "blocks.3.attn.hook_pattern",
                "blocks.3.attn.hook_pattern.gradient",
                NAME + ".reach");
        for (UnaryOperator<Activations> view : List.of(
                HeadReach.view(),
                HeadReach.relative(),
                HeadReach.view(Sites.pattern().attribution()),
                HeadReach.relative(Sites.glob("hook_pattern.attribution")))) {
            Activations seen = view.apply(activations);
            assertThat(seen.sites()).extracting(site -> site.site().name()).containsExactlyElementsOf(expected);
            Site made = seen.sites().get(3).site();
            assertThat(made.axes())
                    .containsExactly(
                            Axis.heads(1),
                            Axis.units(List.of("EFFECT", "MASS", "POSITIVE", "DISTANCE", "BOS", "SELF", "PREVIOUS")));
            assertThat(made.layer()).hasValue(3);
            // What was seen once is not seen again, and behaviour is told of the pattern alone.
            assertThat(HeadBehaviour.view().apply(view.apply(seen)).sites())
                    .extracting(SiteActivations::site)
                    .extracting(Site::name)
                    .containsExactly(expected.get(0), expected.get(1) + ".behaviour", expected.get(2), expected.get(3));
        }
    }

    @Test
    void withoutAttributionsItIsRefused() {
        Activations activations = of(pattern(1), List.of(prompt("p", 1, true, "a")), new float[] {1});
        for (UnaryOperator<Activations> view : List.of(HeadReach.view(), HeadReach.relative(site -> false))) {
            assertThatThrownBy(() -> activations.measure(Selectivity.by("topic").through(view)))
                    .isInstanceOf(ModscanException.class)
                    .hasMessage("there is no attribution of attention patterns to tell reach from among"
                            + " [blocks.3.attn.hook_pattern]; capture Sites.pattern().attribution(), which is"
                            + " blocks.*.attn.hook_pattern.attribution, with Pooling.none(), or tell which sites they are:"
                            + " HeadReach.view(selector)");
        }
        Site z = new Site("blocks.3.attn.hook_z", OptionalInt.of(3), List.of(Axis.heads(1), Axis.units(2)), false);
        assertThatThrownBy(() -> HeadReach.view(site -> true)
                        .apply(of(z, List.of(prompt("p", 1, true, "a")), new float[] {1, 2})))
                .isInstanceOf(ModscanException.class)
                .hasMessage(
                        "blocks.3.attn.hook_z is no attribution of attention patterns: it has the axes [HEAD, UNIT],"
                                + " not QUERY and KEY");
        assertThatThrownBy(() -> HeadReach.view()
                        .apply(of(pattern(2).attribution(), List.of(prompt("p", 2, true, "a")), new float[] {
                            1, 0, 0, 1, 1, 0
                        })))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("6 values in 2 heads");
    }

    /** Prompts of two topics and different lengths; in topic b what head 1 takes from two tokens before lowers the loss. */
    private static Activations planted(int prompts) {
        Random random = new Random(3);
        List<Prompt> all = new ArrayList<>();
        float[][] attributions = new float[prompts][];
        for (int i = 0; i < prompts; i++) {
            int tokens = 4 + random.nextInt(5);
            boolean planted = i % 2 == 1;
            all.add(prompt("p" + i, tokens, true, planted ? "b" : "a"));
            attributions[i] = new float[2 * tokens * tokens];
            for (int head = 0; head < 2; head++) {
                for (int query = 0; query < tokens; query++) {
                    for (int key = 0; key <= query; key++) {
                        attributions[i][(head * tokens + query) * tokens + key] =
                                (float) (random.nextGaussian() + (planted && head == 1 && key == query - 2 ? 8 : 0));
                    }
                }
            }
        }
        return of(pattern(2).attribution(), all, attributions);
    }

    @Test
    void findsTheHeadThatWorksForOneTopic() {
        SelectivityMap map = planted(40).measure(Selectivity.by("topic").through(HeadReach.view()));
        Site site = map.sites().get(0);
        UnitSelectivity effect = map.get(Unit.of(site, 1, HeadReach.EFFECT.index()), "b");
        assertThat(effect.q()).isLessThan(1e-6);
        assertThat(effect.auroc()).isEqualTo(1);
        assertThat(effect).asString().startsWith(site + " head 1 EFFECT, b: AUROC 1.000");
        assertThat(map.get(Unit.of(site, 1, HeadReach.POSITIVE.index()), "b").auroc())
                .isEqualTo(1);
        assertThat(map.get(Unit.of(site, 1, HeadReach.SELF.index()), "b").auroc())
                .isLessThan(0.2);
        assertThat(map.count(row -> row.unit().head().getAsInt() == 0 && row.q() <= 0.05))
                .isZero();
    }

    @Test
    void aHeadByItselfIsSeenLikeAmongOthers() {
        Activations activations = planted(12);
        Map<Site, SelectivityMap> byHead = activations.measure(
                Selectivity.by("topic").through(HeadReach.view()).perHead());
        SelectivityMap together = activations.measure(Selectivity.by("topic").through(HeadReach.view()));
        Site all = together.sites().get(0);
        assertThat(byHead).hasSize(2);
        int head = 0;
        for (SelectivityMap one : byHead.values()) {
            for (HeadReach reach : HeadReach.values()) {
                assertThat(one.get(Unit.of(one.sites().get(0), reach.index()), "b")
                                .meanIn())
                        .isEqualTo(together.get(Unit.of(all, head, reach.index()), "b")
                                .meanIn());
            }
            head++;
        }
    }

    @Test
    void keepsTheContractOfMetrics() {
        Metric<List<String>> metric = Selectivity.by("topic")
                .through(HeadReach.relative())
                .map(map -> map.rows().map(Object::toString).toList());
        MetricContract.of(metric, planted(11))
                .onNaN(rows -> assertThat(rows).hasSize(28))
                .verify();
    }
}
