package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MetricCompositionTest {

    /** Metrics as a user writes them: the sum of all values, gathered; their median, from all at once. */
    private static final Metric<Double> SUM = Metric.of(
            () -> new double[1],
            (state, piece) -> piece.sites()
                    .forEach(site -> Arrays.stream(site.vectors())
                            .forEach(vector -> IntStream.range(0, vector.length).forEach(i -> state[0] += vector[i]))),
            (state, other) -> state[0] += other[0],
            state -> state[0]);

    private static final Metric<Double> MEDIAN = Metric.whole(activations -> {
        double[] sorted = Arrays.stream(activations.onlySite().vectors())
                .flatMapToDouble(vector -> IntStream.range(0, vector.length).mapToDouble(i -> vector[i]))
                .sorted()
                .toArray();
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    });

    private static final Prompts PROMPTS = Prompts.of(IntStream.range(0, 6)
            .mapToObj(i -> Prompt.ofTokens("p" + i, i == 0 ? FakeModel.BOS : 10 + i, 20 + i)
                    .withLabel("topic", i % 2 == 0 ? "even" : "odd"))
            .toList());

    private static Activations made() {
        return Activations.builder(PROMPTS)
                .site(FakeModel.EMBED, Pooling.mean(), rows(4, 1))
                .site(FakeModel.Z, Pooling.mean(), rows(6, 10))
                .site(FakeModel.Z1, Pooling.mean(), rows(6, 100))
                .build();
    }

    /** Rows of i × scale throughout. */
    private static float[][] rows(int width, int scale) {
        float[][] rows = new float[6][width];
        for (int i = 0; i < 6; i++) {
            Arrays.fill(rows[i], i * scale);
        }
        return rows;
    }

    private static Activations first(Activations activations) {
        return activations.only(site -> site.name().equals("hook_embed"));
    }

    @Test
    void metricsOfOnesOwnKeepTheContract() {
        MetricContract.of(SUM, made())
                .comparing((a, b) -> Double.compare(a, b) == 0)
                .onNaN(sum -> assertThat(sum).isNaN())
                .verify();
        MetricContract.of(MEDIAN, first(made()))
                .onNaN(median -> assertThat(median).isEqualTo(3))
                .verify();
    }

    @Test
    void compositionsKeepTheContract() {
        for (Metric<?> metric : List.of(
                SUM.byLabel("topic"),
                SUM.perSite(),
                SUM.perLayer(),
                SUM.map(sum -> -sum),
                MEDIAN.perHead().through(a -> a.only(site -> site.heads() > 0)),
                MEDIAN.byLabel("topic").perSite(),
                SUM.both(MEDIAN.perSite(), (sum, medians) -> medians.size() + sum))) {
            MetricContract.of(metric, made()).verify();
        }
    }

    @Test
    void aSuiteMeasuresAllInOnePass() {
        Metric<Map<String, Double>> byTopic = SUM.byLabel("topic");
        Metric<Map<Site, Double>> perSite = MEDIAN.perSite();
        Metric.Results results = made().measure(Metric.suite(byTopic, perSite));
        assertThat(results.of(byTopic)).containsExactly(Map.entry("even", 6.0 * 664), Map.entry("odd", 9.0 * 664));
        assertThat(results.of(perSite)).containsEntry(FakeModel.Z1, 250.0).hasSize(3);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> results.of(MEDIAN))
                .withMessageContaining("was not in the suite");
    }

    @Test
    void headsAndLayersAreMeasuredByThemselves() {
        Activations heads = made().only(site -> site.heads() > 0);
        assertThat(heads.measure(SUM.perHead()))
                .hasSize(6)
                .allSatisfy((site, sum) ->
                        assertThat(sum).isEqualTo(site.name().startsWith("blocks.0") ? 15.0 * 20 : 15.0 * 200));
        assertThat(heads.measure(SUM.perHead()).keySet()).first().hasToString(FakeModel.Z.name() + "[0]");
        assertThat(made().measure(SUM.perLayer())).containsExactly(Map.entry(0, 15.0 * 60), Map.entry(1, 15.0 * 600));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> made().only(FakeModel.EMBED::equals).measure(SUM.perLayer()))
                .withMessageContainingAll("hook_embed", "belongs to a layer");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> made().measure(SUM.perHead()))
                .withMessageContaining("hook_embed has no axis of heads");
    }

    @Test
    void aViewChangesWhatIsMeasured() {
        UnaryOperator<Activations> doubled =
                activations -> activations.map(site -> site.derived(site.site(), site.pooling(), i -> {
                    float[] vector = site.vector(i);
                    for (int k = 0; k < vector.length; k++) {
                        vector[k] *= 2;
                    }
                    return vector;
                }));
        Activations embed = first(made());
        assertThat(embed.measure(MEDIAN.through(doubled))).isEqualTo(2 * embed.measure(MEDIAN));
        MetricContract.of(MEDIAN.through(doubled), embed).verify();
    }

    @Test
    void aViewOfLentPiecesCanBeKept() {
        // Of two sites one is derived and one handed on as it is, still lent.
        UnaryOperator<Activations> half = activations -> activations.map(site ->
                site.site().equals(FakeModel.Z) ? site.derived(FakeModel.Z, site.pooling(), site::vector) : site);
        MetricContract.of(MEDIAN.perSite().through(half), made()).verify();
    }

    @Test
    void perTokenValuesArePooledInOnePassWithWhatNeedsThem() {
        FakeModel model = new FakeModel();
        try (Probe tokens = Probe.builder(model).sites("hook_embed").build();
                Probe pooled = Probe.builder(model)
                        .sites("hook_embed")
                        .pooling(Pooling.mean().withoutBos())
                        .build()) {
            Metric<Double> median =
                    MEDIAN.through(piece -> piece.pooled(Pooling.mean().withoutBos()));
            Metric<Integer> positions = Metric.of(
                    () -> new int[1],
                    (state, piece) -> {
                        for (int i = 0; i < piece.prompts().size(); i++) {
                            state[0] += piece.onlySite().row(i).capacity() / 4;
                        }
                    },
                    (state, other) -> state[0] += other[0],
                    state -> state[0]);
            Metric.Results results = tokens.measure(PROMPTS, Metric.suite(median, positions));
            assertThat(results.of(positions)).isEqualTo(12);
            assertThat(results.of(median))
                    .isEqualTo(pooled.measure(PROMPTS, MEDIAN))
                    .isNotNaN();
            assertThat(tokens.capture(PROMPTS)
                            .pooled(Pooling.mean().withoutBos())
                            .at("hook_embed")
                            .vectors())
                    .isDeepEqualTo(pooled.capture(PROMPTS).at("hook_embed").vectors());
        }
    }

    @Test
    void piecesOfOneMeasurementAreOfTheSameSites() {
        Metric.Accumulator<Double> accumulator = SUM.start();
        accumulator.add(made().slice(0, 2));
        Activations other = first(made());
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> accumulator.add(other))
                .withMessageContaining("the same sites and poolings");
        Metric.Accumulator<Double> ofOther = SUM.start();
        ofOther.add(other);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> accumulator.merge(ofOther))
                .withMessageContaining("the same sites and poolings");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> SUM.start().finish())
                .withMessageContaining("before any activations");
    }

    @Test
    void onePromptTwiceIsNoWhole() {
        Metric.Accumulator<Double> accumulator = MEDIAN.start();
        accumulator.add(first(made()));
        accumulator.add(first(made()));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(accumulator::finish)
                .withMessageContaining("two prompts have the id 'p0'");
    }
}
