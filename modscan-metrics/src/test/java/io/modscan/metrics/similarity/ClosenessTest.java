package io.modscan.metrics.similarity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.internal.linear.Dot;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class ClosenessTest {

    private static final Offset<Double> CLOSE = within(1e-14);

    static Stream<Map<String, Object>> closenesses() {
        return Golden.cases("similarity.json", "closenesses");
    }

    private static void assertClose(double actual, double expected) {
        assertThat(Vectors.difference(actual, expected))
                .as("%s, %s", actual, expected)
                .isCloseTo(0, CLOSE);
    }

    private static void assertMeans(LabelSimilarity actual, Map<String, Object> golden, int prompts) {
        double[][] means = Golden.matrix(golden.get("means"));
        List<String> labels = actual.labels();
        assertThat(labels).hasSize(means.length);
        for (int a = 0; a < means.length; a++) {
            for (int b = 0; b < means.length; b++) {
                assertClose(actual.mean(labels.get(a), labels.get(b)), means[a][b]);
            }
        }
        assertClose(actual.within(), Golden.number(golden.get("within")));
        assertClose(actual.between(), Golden.number(golden.get("between")));
        assertThat(actual.leftOut()).isEqualTo(Golden.integer(golden.get("leftOut")));
        assertThat(labels.stream().mapToLong(actual::prompts).sum() + actual.leftOut())
                .isEqualTo(prompts);
    }

    @ParameterizedTest
    @MethodSource("closenesses")
    void agreesWithFractions(Map<String, Object> golden) {
        List<String> labels = Golden.strings(golden.get("labels"));
        Activations activations = PlantedModel.of(labels, Golden.vectors(golden.get("vectors")));
        double[][] expected = Golden.matrix(golden.get("closeness"));

        SimilarityMatrix closeness = activations.measure(Closeness.pairwise());
        for (int i = 0; i < expected.length; i++) {
            for (int j = 0; j < expected.length; j++) {
                assertClose(closeness.get(i, j), expected[i][j]);
            }
        }
        Map<String, Object> means = Golden.object(golden.get("closenessMeans"));
        assertMeans(closeness.betweenLabels(labels), means, labels.size());
        assertMeans(activations.measure(Closeness.betweenLabels("topic")), means, labels.size());
        assertMeans(
                activations.measure(ScaledCosine.betweenLabels("topic")),
                Golden.object(golden.get("scaledCosineMeans")),
                labels.size());
    }

    @ParameterizedTest
    @EnumSource
    void agreesWithFractionsByProducts(Precision precision) {
        closenesses().forEach(golden -> {
            Activations activations = Vectors.unlabelled(Golden.vectors(golden.get("vectors")));
            double[][] expected = Golden.matrix(golden.get("closeness"));
            Pairs closeness =
                    new Comparison(Measure.CLOSENESS, activations.onlySite()).byProduct(precision, new FloatSums(), 3);
            double error = precision == Precision.DOUBLE ? 1e-14 : 1e-6;
            for (int i = 0; i < expected.length; i++) {
                for (int j = 0; j < expected.length; j++) {
                    assertThat(Vectors.difference(closeness.get(i, j), expected[i][j]))
                            .as("%s %d %d", golden.get("name"), i, j)
                            .isLessThanOrEqualTo(error);
                }
            }
        });
    }

    @Test
    void isTheCosineOfTwoVectorsOfTheGreatestLength() {
        Random random = new Random(3);
        for (int width : new int[] {1, 2, 3, 10, 100}) {
            float[][] vectors = Vectors.normal(random, 40, width);
            for (int i = 1; i < vectors.length; i += 2) {
                // The same values in another order and with other signs: of the same length exactly.
                float[] other = vectors[i - 1].clone();
                for (int k = width - 1; k > 0; k--) {
                    int swap = random.nextInt(k + 1);
                    float value = other[k];
                    other[k] = other[swap];
                    other[swap] = random.nextBoolean() ? value : -value;
                }
                float[][] alone = {vectors[i - 1], other, scaled(vectors[i], length(other) / length(vectors[i]) / 2)};
                SimilarityMatrix closeness = Vectors.matrix(Closeness.pairwise(), alone);
                SimilarityMatrix cosine = Vectors.matrix(Cosine.pairwise(), alone);
                assertThat(closeness.get(0, 1)).isCloseTo(cosine.get(0, 1), CLOSE);
                // |a − b|² = M² (1 + ¼ − cos) where b is half as long.
                assertThat(closeness.get(0, 2)).isCloseTo(1 - (1.25 - cosine.get(0, 2)) / 2, within(1e-6));
            }
        }
    }

    private static double length(float[] vector) {
        return Math.sqrt(Dot.of(vector, vector));
    }

    private static float[] scaled(float[] vector, double factor) {
        float[] scaled = new float[vector.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = (float) (vector[i] * factor);
        }
        return scaled;
    }

    @Test
    void callsTwoVectorsNearZeroAlike() {
        float[][] vectors = {{3, 4}, {1e-6f, 0}, {-1e-6f, 1e-7f}, {0, 0}, {-3, -4}};
        SimilarityMatrix closeness = Vectors.matrix(Closeness.pairwise(), vectors);
        SimilarityMatrix cosine = Vectors.matrix(Cosine.pairwise(), vectors);
        SimilarityMatrix scaled = Vectors.matrix(ScaledCosine.pairwise(), vectors);
        assertThat(cosine.get(1, 2)).isLessThan(-0.9);
        assertThat(scaled.get(1, 2)).isCloseTo(0, within(1e-12));
        assertThat(closeness.get(1, 2)).isCloseTo(1, within(1e-12));
        assertThat(closeness.get(1, 3)).isCloseTo(1, within(1e-12));
        assertThat(closeness.get(0, 3)).isCloseTo(0.5, CLOSE);
        assertThat(closeness.get(0, 4)).isCloseTo(-1, CLOSE);
        assertThat(closeness.get(3, 3)).isEqualTo(1);
    }

    @Test
    void isExactForVectorsThatAreNearlyEqual() {
        // Beside 1e8 the difference is at the end of a double's digits once it is squared.
        float[] a = {1e8f, 1e8f, 1};
        float[] b = {1e8f, 1e8f + 8, 1};
        assertThat(Vectors.matrix(Closeness.pairwise(), a, b).get(0, 1)).isCloseTo(1 - 64 / 4e16, within(2e-16));
        assertThat(Vectors.matrix(Closeness.pairwise(), a, a.clone()).get(0, 1)).isEqualTo(1);
    }

    static Stream<Metric<LabelSimilarity>> byLabel() {
        return Stream.of(
                Cosine.betweenLabels("topic"), ScaledCosine.betweenLabels("topic"), Closeness.betweenLabels("topic"));
    }

    @ParameterizedTest
    @MethodSource("byLabel")
    void meansByLabelKeepTheContract(Metric<LabelSimilarity> metric) {
        float[][] vectors = Vectors.normal(new Random(5), 40, 6);
        Arrays.fill(vectors[3], 0);
        Activations activations = PlantedModel.of(Vectors.labels(40, 4), vectors);
        MetricContract.of(metric, activations)
                .comparing((a, b) -> Vectors.difference(a, b) <= 1e-14)
                .verify();
    }

    @Test
    void aNanLeavesOutOnePromptOrAll() {
        Activations activations = PlantedModel.of(Vectors.labels(8, 2), Vectors.normal(new Random(5), 8, 6));
        MetricContract.of(Cosine.betweenLabels("topic"), activations)
                .comparing((a, b) -> Vectors.difference(a, b) <= 1e-14)
                .onNaN(means -> assertThat(means.leftOut()).isEqualTo(1))
                .onNaN(means -> assertThat(means.within()).isNotNaN())
                .verify();
        for (Metric<LabelSimilarity> metric :
                List.of(ScaledCosine.betweenLabels("topic"), Closeness.betweenLabels("topic"))) {
            MetricContract.of(metric, activations)
                    .comparing((a, b) -> Vectors.difference(a, b) <= 1e-14)
                    .onNaN(means -> assertThat(means.leftOut()).isEqualTo(8))
                    .onNaN(means -> assertThat(means.prompts("t0")).isZero())
                    .onNaN(means -> assertThat(means.within()).isNaN())
                    .verify();
        }
    }

    @Test
    void matricesKeepTheContract() {
        Activations activations = PlantedModel.of(Vectors.labels(20, 4), Vectors.normal(new Random(8), 20, 6));
        for (Precision precision : Precision.values()) {
            for (Metric<SimilarityMatrix> metric : List.of(
                    Cosine.pairwise(precision), ScaledCosine.pairwise(precision), Closeness.pairwise(precision))) {
                MetricContract.of(metric, activations)
                        .inOrderOfPrompts()
                        .comparing((a, b) -> Vectors.difference(a, b) == 0)
                        .onNaN(matrix -> assertThat(matrix.get(0, 1)).isNaN())
                        .verify();
            }
        }
        MetricContract.of(Similarity.pairwise("overlap", (a, b) -> Math.min(a[0], b[1])), activations)
                .inOrderOfPrompts()
                .comparing((a, b) -> Vectors.difference(a, b) == 0)
                .onNaN(matrix -> assertThat(matrix.get(0, 1)).isNaN())
                .verify();
    }

    /** Means in linear time beside those of the matrix, where labels are many and lengths differ by orders of magnitude. */
    @Test
    void meansByLabelAgreeWithTheMatrix() {
        Random random = new Random(11);
        float[][] vectors = Vectors.normal(random, 300, 20);
        for (float[] vector : vectors) {
            double factor = Math.pow(10, random.nextInt(7) - 3);
            for (int k = 0; k < vector.length; k++) {
                vector[k] = (float) ((vector[k] + 2) * factor);
            }
        }
        List<String> labels = Vectors.labels(300, 37);
        Activations activations = PlantedModel.of(labels, vectors);
        assertThat(Vectors.difference(
                        activations.measure(Closeness.betweenLabels("topic")),
                        activations.measure(Closeness.pairwise().map(matrix -> matrix.betweenLabels(labels)))))
                .isLessThan(1e-14);
        assertThat(Vectors.difference(
                        activations.measure(ScaledCosine.betweenLabels("topic")),
                        activations.measure(ScaledCosine.pairwise().map(matrix -> matrix.betweenLabels(labels)))))
                .isLessThan(1e-14);
    }

    @Test
    void saysWhatIsWrong() {
        Activations activations = PlantedModel.of(List.of("a", "b"), new float[] {1, 1}, new float[] {0, 1});
        for (Metric<?> metric : List.of(Closeness.betweenLabels("language"), ScaledCosine.betweenLabels("language"))) {
            assertThatThrownBy(() -> activations.measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("'language'");
        }
        SimilarityMatrix closeness = activations.measure(Closeness.pairwise());
        assertThat(closeness.name()).isEqualTo("closeness");
        assertThat(closeness.ids()).containsExactly("p0", "p1");
    }
}
