package io.modscan.metrics.basis;

import static io.modscan.metrics.basis.BasisGolden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.basis.BrightDimensions.Dimension;
import io.modscan.metrics.similarity.Cosine;
import io.modscan.metrics.similarity.LabelSimilarity;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class BrightDimensionsTest {

    private static final int OUTLIER = 7;

    static Stream<Arguments> golden() {
        return BasisGolden.cases();
    }

    private static double[] each(BrightDimensions bright, ToDoubleFunction<Dimension> number) {
        return bright.dimensions().stream().mapToDouble(number).toArray();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("golden")
    void agreesWithAllPairs(String name, Map<String, Object> golden) {
        BrightDimensions bright = BasisGolden.activations(golden).measure(BrightDimensions.find());
        Map<?, ?> expected = BasisGolden.part(golden, "bright");
        assertThat(bright.samples()).isEqualTo(Golden.integer(expected.get("samples")));
        assertThat(bright.samples() + bright.leftOut())
                .isEqualTo(Golden.list(golden.get("vectors")).size());
        assertClose(each(bright, Dimension::normShare), Golden.doubles(expected.get("shares")), 1e-12);
        assertClose(each(bright, Dimension::cosine), Golden.doubles(expected.get("cosines")), 1e-12);
        assertClose(
                new double[] {bright.meanCosine()}, new double[] {Golden.number(expected.get("meanCosine"))}, 1e-12);
    }

    /** Three topics, each with a direction of its own, and one coordinate that is large for all. */
    private static Activations withOutlier(Random random) {
        List<String> topics = new ArrayList<>();
        float[][] vectors = new float[45][12];
        for (int i = 0; i < vectors.length; i++) {
            topics.add(List.of("cooking", "law", "sports").get(i % 3));
            for (int j = 0; j < 12; j++) {
                vectors[i][j] = (float) ((j % 3 == i % 3 ? 1 : 0) + 0.2 * random.nextGaussian());
            }
            vectors[i][OUTLIER] = (float) (80 + random.nextGaussian());
        }
        return PlantedModel.of(topics, vectors);
    }

    @Test
    void anOutlierDimensionHidesTheTopics() {
        Activations activations = withOutlier(new Random(1));
        BrightDimensions bright = activations.measure(BrightDimensions.find());

        assertThat(bright.top(1))
                .extracting(dimension -> dimension.unit().inSite())
                .containsExactly(OUTLIER);
        assertThat(bright.topByCosine(1))
                .extracting(dimension -> dimension.unit().inSite())
                .containsExactly(OUTLIER);
        assertThat(bright.normShare(1)).isGreaterThan(0.999);
        assertThat(bright.meanCosine()).isGreaterThan(0.999);
        LabelSimilarity hidden = activations.measure(Cosine.betweenLabels("topic"));
        assertThat(hidden.within() - hidden.between()).isLessThan(1e-3);

        LabelSimilarity without =
                activations.measure(Cosine.betweenLabels("topic").through(bright.without(1)));
        assertThat(without.within()).isGreaterThan(0.8);
        assertThat(without.between()).isLessThan(0.2);

        Standardised standardised = activations.measure(Standardised.fit());
        LabelSimilarity level =
                activations.measure(Cosine.betweenLabels("topic").through(standardised));
        assertThat(level.within()).isGreaterThan(0.6);
        assertThat(level.between()).isLessThan(0);
    }

    @Test
    void theMeanCosineWithoutTheBrightestNeedsASecondPass() {
        Activations activations = withOutlier(new Random(2));
        BrightDimensions bright = activations.measure(BrightDimensions.find());
        BrightDimensions rest = activations.measure(BrightDimensions.find().through(bright.without(1)));
        var pairs = activations.measure(Cosine.pairwise().through(bright.without(1)));
        double mean = IntStream.range(0, 45)
                .mapToDouble(i -> IntStream.range(0, 45)
                        .filter(j -> j != i)
                        .mapToDouble(j -> pairs.get(i, j))
                        .sum())
                .sum();
        assertThat(rest.meanCosine()).isCloseTo(mean / (45 * 44), within(1e-12));
        assertThat(rest.meanCosine()).isLessThan(0.5);
        assertThat(rest.dimensions().get(OUTLIER).normShare()).isZero();
    }

    @Test
    void theViewKeepsIndicesHeadsAndOtherSites() {
        Site z = PlantedModel.heads("blocks.0.attn.hook_z", 2, 2);
        Site other = PlantedModel.units("other", 1);
        Activations activations = new PlantedModel()
                .with(z, new float[] {1, 9, 2, 3}, new float[] {2, -9, 2, 5})
                .with(other, new float[] {1}, new float[] {2})
                .capture(List.of("a", "b"));
        BrightDimensions bright = activations.at(z).measure(BrightDimensions.find());
        assertThat(bright.top(1).get(0))
                .hasToString(
                        "blocks.0.attn.hook_z head 0 unit 1: 0.7751 of the squared norms, -0.7783 of the mean cosine");
        assertThat(bright.top(2).stream()
                        .map(d -> d.unit().head().orElseThrow() + "."
                                + d.unit().unit().orElseThrow()))
                .containsExactly("0.1", "1.1");
        assertThat(bright.top(99)).hasSize(4);
        assertThat(bright.normShare(4)).isCloseTo(1, within(1e-15));
        assertThat(bright.top(1).get(0).cosine()).isNegative();

        Activations seen = bright.without(2).apply(activations);
        assertThat(seen.at("blocks.0.attn.hook_z[without 2]").vector(1)).containsExactly(2, 0, 2, 0);
        assertThat(seen.at("blocks.0.attn.hook_z[without 2]").head(0).vector(0)).containsExactly(1, 0);
        assertThat(seen.at(other).vector(0)).containsExactly(1);
        assertThat(bright.without(0).apply(activations).sites().get(0).vector(0))
                .containsExactly(1, 9, 2, 3);

        Map<Site, BrightDimensions> heads =
                activations.at(z).measure(BrightDimensions.find().perHead());
        assertThat(heads.values().stream().map(head -> head.top(1).get(0).unit().inSite()))
                .containsExactly(1, 1);

        assertThatThrownBy(() -> bright.without(1).apply(activations.at(other).alone()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("is of 'blocks.0.attn.hook_z'; here there are [other]");
        assertThatThrownBy(() -> bright.without(5)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> bright.without(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> bright.top(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void vectorsWithoutADirectionAreLeftOut() {
        BrightDimensions bright = PlantedModel.of(
                        List.of("a", "a", "a", "a"),
                        new float[] {0, -0f},
                        new float[] {Float.NaN, 1},
                        new float[] {1, Float.POSITIVE_INFINITY},
                        new float[] {3, 4})
                .measure(BrightDimensions.find());
        assertThat(bright.leftOut()).isEqualTo(3);
        assertThat(bright.samples()).isEqualTo(1);
        assertThat(each(bright, Dimension::normShare)).containsExactly(9 / 25.0, 16 / 25.0);
        assertThat(bright.meanCosine()).isNaN();
        BrightDimensions nothing =
                PlantedModel.of(List.of("a"), new float[] {0, 0}).measure(BrightDimensions.find());
        assertThat(nothing.normShare(1)).isNaN();
        assertThat(nothing.top(1))
                .extracting(dimension -> dimension.unit().inSite())
                .containsExactly(0);
    }

    @Test
    void keepsTheContract() {
        MetricContract.of(BrightDimensions.find(), withOutlier(new Random(3)))
                .comparing((a, b) -> a.samples() == b.samples()
                        && a.leftOut() == b.leftOut()
                        && IntStream.range(0, 12)
                                .allMatch(i -> near(
                                        a.dimensions().get(i), b.dimensions().get(i))))
                .onNaN(bright -> assertThat(bright.leftOut()).isEqualTo(1))
                .verify();
    }

    private static boolean near(Dimension a, Dimension b) {
        return Math.abs(a.normShare() - b.normShare()) < 1e-13 && Math.abs(a.cosine() - b.cosine()) < 1e-13;
    }
}
