package io.modscan.metrics.selectivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SelectivityTest {

    private static final Site Z = PlantedModel.heads("blocks.0.attn.hook_z", 2, 3);
    private static final Site MLP = PlantedModel.units("blocks.0.mlp.hook_post", 5);

    private static void assertClose(double actual, double expected) {
        if (Double.isNaN(expected)) {
            assertThat(actual).isNaN();
        } else {
            assertThat(actual).isCloseTo(expected, withinPercentage(1e-10));
        }
    }

    private static Map<?, ?> golden() {
        return (Map<?, ?>) Objects.requireNonNull(Golden.all().get("scan"));
    }

    private static Activations goldenActivations() {
        return new PlantedModel()
                .with(Z, Golden.vectors(golden().get("first")))
                .with(MLP, Golden.vectors(golden().get("second")))
                .capture(Golden.strings(golden().get("labels")));
    }

    @Test
    void agreesWithScipy() {
        SelectivityMap map = goldenActivations().measure(Selectivity.by("topic"));
        List<?> expected = Golden.list(golden().get("rows"));
        List<UnitSelectivity> rows = map.rows().toList();
        assertThat(map.size()).isEqualTo(rows.size()).isEqualTo(expected.size()).isEqualTo(44);
        for (int i = 0; i < rows.size(); i++) {
            List<?> numbers = Golden.list(expected.get(i));
            int unit = Golden.integer(numbers.get(1));
            UnitSelectivity row = rows.get(i);
            boolean first = Golden.integer(numbers.get(0)) == 0;
            assertThat(row.unit().site()).isEqualTo(first ? Z : MLP);
            assertThat(row.unit().head()).isEqualTo(first ? OptionalInt.of(unit / 3) : OptionalInt.empty());
            assertThat(row.unit().unit()).hasValue(first ? unit % 3 : unit);
            assertThat(row.label()).isEqualTo(numbers.get(2));
            assertClose(row.meanIn(), Golden.number(numbers.get(3)));
            assertClose(row.meanOut(), Golden.number(numbers.get(4)));
            assertClose(row.selectivityIndex(), Golden.number(numbers.get(5)));
            assertClose(row.auroc(), Golden.number(numbers.get(6)));
            assertClose(row.p(), Golden.number(numbers.get(7)));
            assertClose(row.q(), Golden.number(numbers.get(8)));
            assertThat(map.get(row.unit(), row.label())).isEqualTo(row);
        }
        assertThat(map.labels()).containsExactly("a", "b", "c", "d");
        assertThat(map.labels().stream().map(map::prompts)).containsExactly(14L, 9L, 4L, 1L);
        assertThat(map.sites()).containsExactly(Z, MLP);
    }

    @Test
    void piecesInAnyOrderGiveTheSameBits() {
        Activations whole = goldenActivations();
        Metric<SelectivityMap> metric = Selectivity.by("topic");
        List<UnitSelectivity> expected = whole.measure(metric).rows().toList();
        for (List<Integer> order : List.of(List.of(0, 1, 2, 3), List.of(3, 1, 0, 2))) {
            Metric.Accumulator<SelectivityMap> all = metric.start();
            all.merge(metric.start());
            for (int piece : order) {
                Metric.Accumulator<SelectivityMap> part = metric.start();
                part.add(whole.slice(piece * 7, piece * 7 + 2));
                part.add(whole.slice(piece * 7 + 2, piece * 7 + 7));
                all.merge(part);
            }
            assertThat(all.finish().rows()).isEqualTo(expected);
            assertThat(all.finish().rows()).isEqualTo(expected);
        }
    }

    @Test
    void keepsTheContract() {
        MetricContract.of(Selectivity.by("topic"), goldenActivations())
                .comparing((a, b) -> a.rows().toList().equals(b.rows().toList()))
                .onNaN(map -> assertThat(map.get(Unit.of(Z, 0), "a").auroc()).isNaN())
                .onNaN(map ->
                        assertThat(map.get(Unit.of(MLP, 0), "a").kruskalQ()).isNaN())
                .onNaN(map -> assertThat(map.get(Unit.of(Z, 1), "a").q()).isFinite())
                .verify();
    }

    @Test
    void manyUnitsAreReadAsFewAre() {
        Random random = new Random(5);
        List<String> labels = new ArrayList<>();
        float[][] values = new float[150][900];
        for (int i = 0; i < values.length; i++) {
            labels.add("abc".substring(i % 3, i % 3 + 1));
            for (int unit = 0; unit < values[i].length; unit++) {
                values[i][unit] = random.nextInt(1000);
            }
        }
        SelectivityMap map = PlantedModel.of(labels, values).measure(Selectivity.by("topic"));
        for (int unit : List.of(0, 1, 217, 218, 219, 255, 256, 511, 512, 899)) {
            float[][] one = new float[values.length][];
            for (int i = 0; i < values.length; i++) {
                one[i] = new float[] {values[i][unit]};
            }
            UnitSelectivity alone = PlantedModel.of(labels, one)
                    .measure(Selectivity.by("topic"))
                    .rows()
                    .findFirst()
                    .orElseThrow();
            UnitSelectivity row = map.get(Unit.of(map.sites().get(0), unit), "a");
            assertThat(row.auroc()).isEqualTo(alone.auroc());
            assertThat(row.hedgesG()).isEqualTo(alone.hedgesG());
            assertThat(row.p()).isEqualTo(alone.p());
            assertThat(row.kruskalP()).isEqualTo(alone.kruskalP());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void aurocIsTheShareOfPairs(long seed) {
        Random random = new Random(seed);
        int n = 2 + random.nextInt(40);
        List<String> labels = new ArrayList<>(List.of("a", "b"));
        float[][] values = new float[n][1];
        for (int i = 0; i < n; i++) {
            // Coarse on odd seeds, so that many are equal.
            values[i][0] = seed % 2 == 1 ? random.nextInt(5) : (float) random.nextGaussian();
            if (i > 1) {
                labels.add(random.nextBoolean() ? "a" : random.nextBoolean() ? "b" : "c");
            }
        }
        PlantedModel.of(labels, values).measure(Selectivity.by("topic")).rows().forEach(row -> {
            double wins = 0;
            double pairs = 0;
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    if (labels.get(i).equals(row.label()) && !labels.get(j).equals(row.label())) {
                        pairs++;
                        wins += values[i][0] > values[j][0] ? 1 : values[i][0] == values[j][0] ? 0.5 : 0;
                    }
                }
            }
            assertThat(row.auroc()).isCloseTo(wins / pairs, within(1e-15));
        });
    }

    @Test
    void findsWhatWasPlanted() {
        SelectivityMap map = planted(new Random(11), true).measure(Selectivity.by("topic"));
        assertThat(map.top("t3", 4))
                .extracting(row -> row.unit().unit().orElseThrow())
                .contains(30, 31, 32);
        assertThat(map.top("t3", 3)).allMatch(row -> row.q() < 1e-6 && row.auroc() > 0.95);
        assertThat(map.top("t3", 3)).isEqualTo(map.top("t3", 9).subList(0, 3));
        assertThat(map.count(row -> row.label().equals("t3") && row.q() <= 0.05))
                .isBetween(3L, 10L);
    }

    @Test
    void findsNextToNothingWhereLabelsAreShuffled() {
        // Under the null hypothesis a run has any discovery at all with a probability of 0.05.
        long runsWithAny = IntStream.range(0, 40)
                .filter(seed -> planted(new Random(seed), false)
                                .measure(Selectivity.by("topic"))
                                .count(row -> row.q() <= 0.05)
                        > 0)
                .count();
        assertThat(runsWithAny).isLessThanOrEqualTo(6);
        SelectivityMap map = planted(new Random(99), false).measure(Selectivity.by("topic"));
        assertThat(map.count(row -> row.p() <= 0.05) / (double) map.size()).isBetween(0.03, 0.07);
    }

    /** 100 prompts of 5 topics; 200 units, of which three a topic respond if planted, else labels are drawn at random. */
    private static Activations planted(Random random, boolean responding) {
        List<String> labels = new ArrayList<>();
        float[][] values = new float[100][200];
        for (int i = 0; i < 100; i++) {
            int topic = i % 5;
            labels.add("t" + topic);
            for (int unit = 0; unit < 200; unit++) {
                values[i][unit] = (float) random.nextGaussian();
                if (unit / 10 == topic && unit % 10 < 3) {
                    values[i][unit] += 3;
                }
            }
        }
        if (!responding) {
            Collections.shuffle(labels, random);
        }
        return PlantedModel.of(labels, values);
    }

    @Test
    void whatCountsAsAUnit() {
        PlantedModel model = new PlantedModel()
                .with(Z, new float[] {3, 0, 4, 1, 0, 0}, new float[] {0, 0, 0, 0, 2, 0})
                .with(PlantedModel.units("blocks.0.hook_resid_post", 2), new float[] {3, 4}, new float[] {0, 0});
        try (Probe probe = Probe.builder(model)
                .sites(Sites.z().magnitude(), Sites.residPost().magnitude(), Sites.residPost())
                .pooling(Pooling.mean())
                .build()) {
            SelectivityMap map = probe.capture(Prompts.of(List.of(
                            Prompt.ofTokens("x", 0).withLabel("topic", "a"),
                            Prompt.ofTokens("y", 1).withLabel("topic", "b"))))
                    .measure(Selectivity.by("topic"));
            assertThat(map.rows().filter(row -> row.label().equals("a")))
                    .extracting(
                            row -> row.unit().site().name().substring(9),
                            row -> row.unit().head(),
                            row -> row.unit().unit(),
                            UnitSelectivity::meanIn,
                            UnitSelectivity::meanOut)
                    .containsExactly(
                            tuple("attn.hook_z.magnitude", OptionalInt.of(0), OptionalInt.empty(), 5.0, 0.0),
                            tuple("attn.hook_z.magnitude", OptionalInt.of(1), OptionalInt.empty(), 1.0, 2.0),
                            tuple("hook_resid_post", OptionalInt.empty(), OptionalInt.of(0), 3.0, 0.0),
                            tuple("hook_resid_post", OptionalInt.empty(), OptionalInt.of(1), 4.0, 0.0),
                            tuple("hook_resid_post.magnitude", OptionalInt.empty(), OptionalInt.empty(), 5.0, 0.0));
        }
    }

    @Test
    void topIsOrderedAndCanBeRestricted() {
        // Units: 0 and 2 separate the labels wholly, 1 not at all, 3 the other way, 4 has a NaN.
        float[][] values = {
            {2, 1, 9, 0, Float.NaN}, {3, 1, 8, 1, 1}, {0, 1, 1, 5, 1}, {1, 1, 2, 6, 1},
        };
        float[][] others = {{1, 1, 1, 1, 1, 7}, {1, 1, 1, 1, 1, 7}, {1, 1, 1, 1, 1, 7}, {1, 1, 1, 1, 1, 8}};
        SelectivityMap map = new PlantedModel()
                .with(MLP, values)
                .with(Z, others)
                .capture(List.of("a", "a", "b", "b"))
                .measure(Selectivity.by("topic"));
        assertThat(map.top("a", 3))
                .extracting(row -> row.unit().unit().orElseThrow())
                .containsExactly(0, 2, 1);
        assertThat(map.top("b", 1)).singleElement().satisfies(row -> {
            assertThat(row.unit().unit()).hasValue(3);
            assertThat(row.auroc()).isEqualTo(1);
        });
        assertThat(map.top("a", 100)).hasSize(10);
        assertThat(map.top("b", 100, Sites.z()))
                .hasSize(6)
                .allMatch(row -> row.unit().site().equals(Z));
        assertThat(map.top("a", 0)).isEmpty();
        assertThat(map.bottom("a", 2))
                .extracting(row -> row.unit().unit().orElseThrow())
                .containsExactly(3, 2);
        assertThat(map.bottom("a", 2).get(1).unit().site()).isEqualTo(Z);
        assertThat(map.bottom("b", 2, Sites.mlpPost()))
                .extracting(row -> row.unit().unit().orElseThrow())
                .containsExactly(0, 2);
        assertThat(map.highest("a", 2, UnitSelectivity::hedgesG))
                .extracting(row -> row.unit().unit().orElseThrow())
                .containsExactly(2, 0);
        assertThat(map.count("a", row -> row.auroc() == 1)).isEqualTo(2);
        assertThat(map.count(row -> row.auroc() == 1)).isEqualTo(3);
        assertThat(map.count("a", Criterion.standard()::lightsUp)).isZero();
        assertThat(map.count("a", new Criterion(1, 0.5)::lightsUp)).isEqualTo(2);
        assertThat(map.count("a", new Criterion(1, 0.5)::goesDark)).isEqualTo(1);
        assertThatThrownBy(() -> map.top("a", -1)).isInstanceOf(IllegalArgumentException.class);

        UnitSelectivity constant = map.get(Unit.of(MLP, 1), "a");
        assertThat(constant.auroc()).isEqualTo(0.5);
        assertThat(constant.p()).isEqualTo(1);
        assertThat(constant.q()).isEqualTo(1);
        assertThat(constant.selectivityIndex()).isZero();
        UnitSelectivity nan = map.get(Unit.of(MLP, 4), "b");
        assertThat(new double[] {nan.meanIn(), nan.meanOut(), nan.selectivityIndex(), nan.auroc(), nan.p(), nan.q()})
                .containsOnly(Double.NaN);
        assertThat(nan.isMeasured()).isFalse();
        assertThat(nan).hasToString("blocks.0.mlp.hook_post unit 4, b: not measured");
        assertThat(constant.isMeasured()).isTrue();
        assertThat(map.nonFinite())
                .singleElement()
                .hasToString("blocks.0.mlp.hook_post: 1 values NaN or infinite, of 1 of 5 units, in 1 prompt: p0");
        assertThat(map.nonFinite(Unit.of(MLP, 4))).isEqualTo(1);
        assertThat(map.nonFinite(Unit.of(MLP, 3))).isZero();
        assertThat(map.nonFinite(Unit.of(Z, 3))).isZero();
        assertThat(map.notMeasured(site -> true)).isEqualTo(1);
        assertThat(map.notMeasured(Sites.z())).isZero();
        assertThat(map.get(Unit.of(MLP, 0), "a"))
                .hasToString("blocks.0.mlp.hook_post unit 0, a: AUROC 1.000, index 0.667, g 1.60, p 0.33, q 1.0,"
                        + " mean 2.500 against 0.5000");
        assertThat(map.get(Unit.of(Z, 5), "a"))
                .asString()
                .startsWith("blocks.0.attn.hook_z head 1 unit 2, a: AUROC 0.250");
        assertThat(map).hasToString("SelectivityMap[11 units of 2 sites, labels [a, b]]");
    }

    /** Of values that overflowed, as often in one label as in the other, ranks would say "not lit". */
    @ParameterizedTest
    @ValueSource(floats = {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void infiniteValuesAreNotMeasured(float infinite) {
        float[][] all = {{infinite, infinite, 1}, {infinite, 2, 2}, {infinite, 3, 3}, {infinite, 4, 4}};
        SelectivityMap map = PlantedModel.of(List.of("a", "a", "b", "b"), all).measure(Selectivity.by("topic"));
        assertThat(map.rows().map(UnitSelectivity::isMeasured)).containsExactly(false, false, false, false, true, true);
        assertThat(map.notMeasured(site -> true)).isEqualTo(2);
        assertThat(map.nonFinite())
                .singleElement()
                .satisfies(found -> assertThat(found.values()).isEqualTo(5));
        // As if the others were not there.
        float[][] finite = {{1}, {2}, {3}, {4}};
        assertThat(map.rows().skip(4).mapToDouble(UnitSelectivity::q))
                .containsExactlyElementsOf(PlantedModel.of(List.of("a", "a", "b", "b"), finite)
                        .measure(Selectivity.by("topic"))
                        .rows()
                        .map(UnitSelectivity::q)
                        .toList());
    }

    @Test
    void attributionsAreRankedWithoutWhatTheyAreOf() {
        Site mlp = PlantedModel.units("blocks.0.mlp.hook_post", 2);
        float[][] values = {{1, 2}, {2, 1}, {3, 3}, {4, Float.NaN}};
        Prompts prompts = Prompts.of(IntStream.range(0, 4)
                .mapToObj(i -> Prompt.ofTokens("p" + i, i).withLabel("topic", i < 2 ? "a" : "b"))
                .toList());
        SelectivityMap map = Activations.builder(prompts)
                .site(mlp, Pooling.mean(), values)
                .site(mlp.attribution(), Pooling.sum(), values)
                .build()
                .measure(Selectivity.by("topic"));
        assertThat(map.top("b", 9)).hasSize(2);
        assertThat(map.top("b", 9, Sites.mlpPost().attribution()))
                .singleElement()
                .satisfies(row -> assertThat(row.unit().site()).isEqualTo(mlp.attribution()));
        assertThat(map.notMeasured(Sites.mlpPost().attribution())).isEqualTo(1);
    }

    @Test
    void oneHugeLabelDoesNotDrownTheOthersMeans() {
        SelectivityMap map = PlantedModel.of(
                        List.of("a", "b", "c"), new float[] {1e30f}, new float[] {1e-30f}, new float[] {3e-30f})
                .measure(Selectivity.by("topic"));
        assertThat(map.rows().findFirst().orElseThrow().meanOut()).isCloseTo(2e-30, withinPercentage(1e-5));
    }

    @Test
    void saysWhatIsWrong() {
        Activations activations = PlantedModel.of(List.of("a", "b"), new float[] {1}, new float[] {0});
        assertThatThrownBy(() -> activations.measure(Selectivity.by("language")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'language'")
                .hasMessageContaining("[topic]");
        assertThatThrownBy(() -> activations.slice(0, 1).measure(Selectivity.by("topic")))
                .isInstanceOf(ModscanException.class)
                .hasMessage("all prompts have the topic 'a'; labels are set against each other, so at least two"
                        + " are needed");
        SelectivityMap map = activations.measure(Selectivity.by("topic"));
        assertThatThrownBy(() -> map.top("cooking", 3))
                .isInstanceOf(ModscanException.class)
                .hasMessage("no prompt had the label 'cooking'; the labels are [a, b]");
        assertThatThrownBy(() -> map.prompts("cooking")).isInstanceOf(ModscanException.class);
        assertThatThrownBy(() -> map.get(Unit.of(Z, 0), "a"))
                .isInstanceOf(ModscanException.class)
                .hasMessage("'blocks.0.attn.hook_z' was not measured; measured were [site]");
    }
}
