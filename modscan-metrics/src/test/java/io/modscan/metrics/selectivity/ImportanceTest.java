package io.modscan.metrics.selectivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ImportanceTest {

    private static final Map<String, String> BOS_IS_2 = Map.of("model.bos_token_id", "2");
    private static final Site MLP = PlantedModel.units("blocks.0.mlp.hook_post", 6);
    private static final Site HEADS = PlantedModel.heads("blocks.0.attn.hook_z", 2, 3);

    static Stream<Map<String, Object>> importances() {
        return Golden.cases(SelectivityGoldenTest.FILE, "importances");
    }

    private static Prompts prompts(List<String> labels, List<?> tokens) {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < labels.size(); i++) {
            int[] ids = Golden.list(tokens.get(i)).stream()
                    .mapToInt(Golden::integer)
                    .toArray();
            prompts.add(Prompt.ofTokens("p" + i, ids).withLabel("topic", labels.get(i)));
        }
        return Prompts.of(prompts);
    }

    private static float[] flat(Object rows) {
        float[][] vectors = Golden.vectors(rows);
        float[] flat = new float[vectors.length * vectors[0].length];
        for (int i = 0; i < vectors.length; i++) {
            System.arraycopy(vectors[i], 0, flat, i * vectors[0].length, vectors[0].length);
        }
        return flat;
    }

    private static Activations activations(Map<String, Object> golden) {
        float[][] rows = Golden.list(golden.get("values")).stream()
                .map(ImportanceTest::flat)
                .toArray(float[][]::new);
        Object first = Golden.list(golden.get("values")).get(0);
        Site site = PlantedModel.units("site", Golden.vectors(first)[0].length);
        List<?> tokens = Golden.list(golden.get("tokens"));
        return Activations.builder(prompts(Golden.strings(golden.get("labels")), tokens))
                .provenance(BOS_IS_2)
                .site(site, Pooling.none(), rows)
                .build();
    }

    private static void assertClose(ImportanceScores actual, Object json) {
        List<?> expected = Golden.list(json);
        SelectivityGoldenTest.assertClose(actual.shareActive(), expected.get(0));
        SelectivityGoldenTest.assertClose(actual.meanAbsolute(), expected.get(1));
        SelectivityGoldenTest.assertClose(actual.rms(), expected.get(2));
        SelectivityGoldenTest.assertClose(actual.deviation(), expected.get(3));
    }

    @ParameterizedTest
    @MethodSource("importances")
    void agreesWithNumpy(Map<String, Object> golden) {
        Importance metric = Importance.by("topic").withThreshold(Golden.number(golden.get("threshold")));
        boolean withoutBos = Boolean.TRUE.equals(golden.get("withoutBos"));
        ImportanceMap map = activations(golden).measure(withoutBos ? metric.withoutBos() : metric);
        List<?> expected = Golden.list(golden.get("rows"));
        List<UnitImportance> rows = map.rows().toList();
        assertThat(rows).hasSameSizeAs(expected);
        for (int i = 0; i < rows.size(); i++) {
            List<?> numbers = Golden.list(expected.get(i));
            assertThat(rows.get(i).unit().unit()).hasValue(Golden.integer(numbers.get(0)));
            assertThat(rows.get(i).label()).isEqualTo(numbers.get(1));
            assertClose(rows.get(i).in(), numbers.get(2));
            assertClose(rows.get(i).out(), numbers.get(3));
            assertClose(rows.get(i).ratio(), numbers.get(4));
        }
    }

    @Test
    void keepsTheContract() {
        Activations sample = activations(importances().findFirst().orElseThrow());
        MetricContract.of(Importance.by("topic").withoutBos(), sample)
                .comparing(ImportanceTest::alike)
                .verify();
        MetricContract.of(Importance.by("topic"), sample)
                .comparing(ImportanceTest::alike)
                .onNaN(map -> {
                    UnitImportance in = map.get(Unit.of(map.sites().get(0), 0), "a");
                    assertThat(in.in()).isEqualTo(nothing());
                    assertThat(in.out().rms()).isFinite();
                    assertThat(map.get(Unit.of(map.sites().get(0), 0), "b").out())
                            .isEqualTo(nothing());
                    assertThat(map.get(Unit.of(map.sites().get(0), 1), "a").in().rms())
                            .isZero();
                })
                .verify();
    }

    private static ImportanceScores nothing() {
        return new ImportanceScores(Double.NaN, Double.NaN, Double.NaN, Double.NaN);
    }

    private static boolean alike(ImportanceMap a, ImportanceMap b) {
        List<UnitImportance> first = a.rows().toList();
        List<UnitImportance> second = b.rows().toList();
        for (int i = 0; i < first.size(); i++) {
            if (!alike(first.get(i).in(), second.get(i).in())
                    || !alike(first.get(i).out(), second.get(i).out())) {
                return false;
            }
        }
        return a.labels().equals(b.labels())
                && a.labels().stream()
                        .allMatch(label -> a.values(a.sites().get(0), label)
                                        == b.values(b.sites().get(0), label)
                                && a.prompts(label) == b.prompts(label));
    }

    private static boolean alike(ImportanceScores a, ImportanceScores b) {
        return alike(a.shareActive(), b.shareActive())
                && alike(a.meanAbsolute(), b.meanAbsolute())
                && alike(a.rms(), b.rms())
                && alike(a.deviation(), b.deviation());
    }

    private static boolean alike(double a, double b) {
        return Double.compare(a, b) == 0 || Math.abs(a - b) <= 1e-12 * Math.abs(a);
    }

    @Test
    void countsTokensOrPromptsAndKnowsHeads() {
        Prompts prompts = prompts(List.of("a", "b", "a"), List.of(List.of(2, 7), List.of(2, 7, 8), List.of(7)));
        float[] token = {1, 2, 3, -4, -5, -6};
        float[] two = {9, 9, 9, 9, 9, 9, 1, 2, 3, -4, -5, -6};
        float[] three = {9, 9, 9, 9, 9, 9, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3};
        Activations all = Activations.builder(prompts)
                .provenance(BOS_IS_2)
                .site(HEADS, Pooling.none(), two, three, token)
                .site(MLP, Pooling.mean(), token, token, token)
                .build();
        ImportanceMap map = all.measure(Importance.by("topic").withoutBos());
        assertThat(map.values(HEADS, "a")).isEqualTo(2);
        assertThat(map.values(HEADS, "b")).isEqualTo(2);
        assertThat(map.values(MLP, "a")).isEqualTo(2);
        assertThat(map.values(MLP, "b")).isEqualTo(1);
        assertThat(all.measure(Importance.by("topic")).values(HEADS, "b")).isEqualTo(3);
        assertThat(map.prompts("a")).isEqualTo(2);
        UnitImportance last = map.get(Unit.of(HEADS, 5), "a");
        assertThat(last.unit().head()).hasValue(1);
        assertThat(last.unit().unit()).hasValue(2);
        assertThat(last.in()).isEqualTo(new ImportanceScores(0, 6, 6, 0));
        assertThat(last.out()).isEqualTo(new ImportanceScores(1, 2, Math.sqrt(5), 1));
        assertThat(last.ratio().meanAbsolute()).isEqualTo(6 / (2 + 1e-6));
        assertThat(last.ratio().shareActive()).isZero();
        assertThat(map.get(Unit.of(HEADS, 0), "a").ratio().shareActive()).isEqualTo(1 / 1.001);
        assertThat(map.highest("a", 1, row -> row.ratio().rms()))
                .singleElement()
                .isEqualTo(last);
        assertThat(last)
                .hasToString("blocks.0.attn.hook_z head 1 unit 2, a: active 0.000 against 1.000,"
                        + " mean absolute 6.000 against 2.000, RMS 6.000 against 2.236, deviation 0.000 against 1.000");
    }

    @Test
    void bosThatWasDroppedBeforeIsNotDroppedAgain() {
        // The first prompt begins with BOS twice, the third is BOS only.
        Activations all = Activations.builder(
                        prompts(List.of("a", "b", "a"), List.of(List.of(2, 2, 7), List.of(2, 8), List.of(2))))
                .provenance(BOS_IS_2)
                .site(
                        PlantedModel.units("site", 1),
                        Pooling.none(),
                        new float[] {100, 50, 1},
                        new float[] {100, 2},
                        new float[] {100})
                .build();
        Importance metric = Importance.by("topic").withoutBos();
        ImportanceMap once = all.measure(metric);
        assertThat(once.values(once.sites().get(0), "a")).isEqualTo(2);
        assertThat(once.get(Unit.of(once.sites().get(0), 0), "a").in().meanAbsolute())
                .isEqualTo(25.5);
        ImportanceMap twice = all.measure(metric.through(Activations::withoutBos));
        assertThat(alike(once, twice)).isTrue();
        assertThat(alike(once, all.measure(Importance.by("topic").through(Activations::withoutBos))))
                .isTrue();
    }

    @Test
    void infiniteValues() {
        Activations all = PlantedModel.of(List.of("a", "b"), new float[] {Float.NEGATIVE_INFINITY}, new float[] {1});
        UnitImportance row =
                all.measure(Importance.by("topic")).rows().findFirst().orElseThrow();
        assertThat(row.in()).isEqualTo(new ImportanceScores(0, Double.POSITIVE_INFINITY, Double.NaN, Double.NaN));
        assertThat(row.out()).isEqualTo(new ImportanceScores(1, 1, 1, 0));
    }

    @Test
    void saysWhatIsWrong() {
        Activations all = PlantedModel.of(List.of("a", "b"), new float[] {1}, new float[] {2});
        assertThatThrownBy(() -> all.measure(Importance.by("language")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'language'");
        assertThatThrownBy(() -> all.slice(0, 1).measure(Importance.by("topic")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("at least two are needed");
        assertThatThrownBy(() -> Importance.by("topic").withThreshold(Double.NaN))
                .isInstanceOf(IllegalArgumentException.class);
        Prompts prompts = prompts(List.of("a", "b"), List.of(List.of(2), List.of(2)));
        Site pattern = new Site(
                "blocks.0.attn.hook_pattern", OptionalInt.of(0), List.of(Axis.heads(1), Axis.QUERY, Axis.KEY), false);
        assertThatThrownBy(() -> Activations.builder(prompts)
                        .site(pattern, Pooling.none(), new float[] {1}, new float[] {1})
                        .build()
                        .measure(Importance.by("topic")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("blocks.0.attn.hook_pattern has a value for each pair of positions");
        assertThatThrownBy(() -> Activations.builder(prompts)
                        .site(PlantedModel.units("site", 1), Pooling.none(), new float[] {1}, new float[] {1})
                        .build()
                        .measure(Importance.by("topic").withoutBos()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no BOS token can be left out");
        ImportanceMap map = all.measure(Importance.by("topic"));
        assertThatThrownBy(() -> map.values(MLP, "a")).hasMessageContaining("was not measured");
        assertThatThrownBy(() -> map.values(map.sites().get(0), "x")).hasMessageContaining("[a, b]");
    }
}
