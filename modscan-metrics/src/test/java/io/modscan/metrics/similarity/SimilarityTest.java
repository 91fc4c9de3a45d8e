package io.modscan.metrics.similarity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.selectivity.Selectivity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SimilarityTest {

    private static final Offset<Double> CLOSE = within(1e-14);

    static Stream<Map<String, Object>> similarities() {
        return Golden.cases("similarities");
    }

    private static void assertClose(double actual, double expected) {
        if (Double.isNaN(expected)) {
            assertThat(actual).isNaN();
        } else {
            assertThat(actual).isCloseTo(expected, CLOSE);
        }
    }

    private static void assertMatrix(SimilarityMatrix actual, double[][] expected) {
        assertThat(actual.size()).isEqualTo(expected.length);
        for (int i = 0; i < expected.length; i++) {
            for (int j = 0; j < expected.length; j++) {
                assertClose(actual.get(i, j), expected[i][j]);
                assertThat(Double.compare(actual.get(i, j), actual.get(j, i))).isZero();
                assertThat(Math.abs(actual.get(i, j)) > 1).isFalse();
            }
        }
    }

    private static void assertMeans(LabelSimilarity actual, Map<String, Object> golden) {
        double[][] means = Golden.matrix(golden.get("means"));
        List<String> labels = actual.labels();
        assertThat(labels).hasSize(means.length).isSorted();
        for (int a = 0; a < means.length; a++) {
            for (int b = 0; b < means.length; b++) {
                assertClose(actual.mean(labels.get(a), labels.get(b)), means[a][b]);
            }
        }
        assertClose(actual.within(), Golden.number(golden.get("within")));
        assertClose(actual.between(), Golden.number(golden.get("between")));
        assertThat(actual.leftOut()).isEqualTo(Golden.integer(golden.get("leftOut")));
        assertThat(labels.stream().mapToLong(actual::prompts).sum() + actual.leftOut())
                .isEqualTo(Golden.list(golden.get("labels")).size());
    }

    @ParameterizedTest
    @MethodSource("similarities")
    void agreesWithNumpy(Map<String, Object> golden) {
        List<String> labels = Golden.strings(golden.get("labels"));
        Activations activations = PlantedModel.of(labels, Golden.vectors(golden.get("vectors")));

        SimilarityMatrix cosine = activations.measure(Cosine.pairwise());
        assertMatrix(cosine, Golden.matrix(golden.get("cosine")));
        assertMatrix(activations.measure(ScaledCosine.pairwise()), Golden.matrix(golden.get("scaledCosine")));
        assertMeans(cosine.betweenLabels(labels), golden);
        assertMeans(activations.measure(Cosine.betweenLabels("topic")), golden);
    }

    @Test
    void equalVectorsHaveACosineOfExactlyOne() {
        Random random = new Random(1);
        float[][] vectors = random(random, 100, 33);
        vectors[99] = vectors[0];
        SimilarityMatrix cosine =
                PlantedModel.of(Collections.nCopies(100, "a"), vectors).measure(Cosine.pairwise());
        assertThat(IntStream.range(0, 100).mapToDouble(i -> cosine.get(i, i))).containsOnly(1.0);
        assertThat(cosine.get(0, 99)).isEqualTo(1);
    }

    @Test
    void aMatrixTellsWhatItIsOf() {
        SimilarityMatrix matrix = PlantedModel.of(List.of("a", "b"), new float[] {1}, new float[] {2})
                .measure(ScaledCosine.pairwise());
        assertThat(matrix.ids()).containsExactly("p0", "p1");
        assertThat(matrix.name()).isEqualTo("scaled cosine");
        assertThat(matrix).hasToString("SimilarityMatrix[scaled cosine, 2 prompts]");
        assertThat(matrix.get(0, 0)).isEqualTo(0.25);
        assertThat(matrix.get(0, 1)).isEqualTo(0.5);
        assertThatThrownBy(() -> matrix.get(0, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> matrix.get(-1, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> matrix.betweenLabels(List.of("a")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("there are 1 labels for 2 prompts; give one for each");
    }

    @Test
    void anInfiniteValueMakesItsCosinesNan() {
        Activations activations = PlantedModel.of(
                List.of("a", "a", "b"), new float[] {Float.POSITIVE_INFINITY, 1}, new float[] {0, 1}, new float[] {1, 1
                });
        SimilarityMatrix cosine = activations.measure(Cosine.pairwise());
        assertThat(new double[] {cosine.get(0, 0), cosine.get(0, 1), cosine.get(0, 2)})
                .containsOnly(Double.NaN);
        assertThat(cosine.get(1, 2)).isCloseTo(Math.sqrt(0.5), CLOSE);
        SimilarityMatrix scaled = activations.measure(ScaledCosine.pairwise());
        assertThat(scaled.get(1, 2)).isNaN();
        assertThat(activations.measure(Cosine.betweenLabels("topic")).leftOut()).isEqualTo(1);
    }

    @Test
    void aUsersMeasureIsCalledForAllOrderedPairs() {
        Activations activations =
                PlantedModel.of(List.of("a", "a", "b"), new float[] {1}, new float[] {5}, new float[] {7});
        SimilarityMatrix matrix = activations.measure(Similarity.pairwise("difference", (a, b) -> a[0] - b[0]));
        assertThat(matrix.name()).isEqualTo("difference");
        assertThat(matrix.get(0, 1)).isEqualTo(-4);
        assertThat(matrix.get(1, 0)).isEqualTo(4);
        assertThat(matrix.get(2, 2)).isZero();
        LabelSimilarity means = matrix.betweenLabels(List.of("a", "a", "b"));
        assertThat(means.mean("a", "b")).isEqualTo(-4);
        assertThat(means.mean("b", "a")).isEqualTo(4);
        assertThat(means.within()).isZero();
        assertThat(means.mean("b", "b")).isNaN();
        assertThat(means.between()).isZero();
    }

    @Test
    void aNanBesideTheDiagonalStays() {
        SimilarityMatrix matrix = PlantedModel.of(
                        List.of("a", "a", "b"), new float[] {1}, new float[] {5}, new float[] {7})
                .measure(Similarity.pairwise("odd", (a, b) -> a[0] < b[0] ? Double.NaN : 1));
        LabelSimilarity means = matrix.betweenLabels(List.of("a", "a", "b"));
        assertThat(means.leftOut()).isZero();
        assertThat(means.mean("a", "b")).isNaN();
        assertThat(means.mean("b", "a")).isEqualTo(1);
    }

    @Test
    void aUsersOwnMetricWorksBesideThese() {
        class Largest implements Metric.Accumulator<Float> {
            private float largest = Float.NEGATIVE_INFINITY;

            @Override
            public void add(Activations piece) {
                for (float value : piece.at("site").vector(0)) {
                    largest = Math.max(largest, value);
                }
            }

            @Override
            public void merge(Metric.Accumulator<Float> other) {
                largest = Math.max(largest, other.finish());
            }

            @Override
            public Float finish() {
                return largest;
            }
        }
        Metric<Float> largest = Largest::new;
        Activations activations = PlantedModel.of(List.of("a"), new float[] {1, 4, 2});
        float measured = activations.measure(largest);
        assertThat(measured).isEqualTo(4);
        float twice = activations.measure(largest.map(v -> v * 2));
        assertThat(twice).isEqualTo(8);
        int size = activations.measure(Cosine.pairwise().map(SimilarityMatrix::size));
        assertThat(size).isEqualTo(1);
    }

    @Test
    void mergingPiecesEqualsOnePass() {
        int n = 60;
        float[][] vectors = random(new Random(7), n, 16);
        Arrays.fill(vectors[13], 0);
        List<String> labels = IntStream.range(0, n).mapToObj(i -> "t" + i % 7).toList();
        Activations whole = PlantedModel.of(labels, vectors);

        SimilarityMatrix expected = whole.measure(Cosine.pairwise());
        SimilarityMatrix merged = inPieces(Cosine.pairwise(), whole, List.of(0, 1, 2));
        assertThat(merged.ids()).isEqualTo(expected.ids());
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                assertThat(Double.compare(merged.get(i, j), expected.get(i, j))).isZero();
            }
        }

        LabelSimilarity means = whole.measure(Cosine.betweenLabels("topic"));
        for (List<Integer> order : List.of(List.of(0, 1, 2), List.of(2, 0, 1))) {
            LabelSimilarity again = inPieces(Cosine.betweenLabels("topic"), whole, order);
            assertThat(again.labels()).isEqualTo(means.labels());
            assertThat(again.leftOut()).isEqualTo(1);
            for (String a : means.labels()) {
                assertThat(again.prompts(a)).isEqualTo(means.prompts(a));
                for (String b : means.labels()) {
                    assertThat(again.mean(a, b)).isCloseTo(means.mean(a, b), CLOSE);
                }
            }
        }
        SimilarityMatrix turned = inPieces(Cosine.pairwise(), whole, List.of(2, 0, 1));
        assertThat(turned.ids().get(0)).isEqualTo("p40");
        assertThat(turned.get(0, n - 1)).isEqualTo(expected.get(40, 39));
    }

    /** Three thirds, each by an accumulator of its own, merged in an order; an empty one among them. */
    private static <R> R inPieces(Metric<R> metric, Activations whole, List<Integer> order) {
        int third = whole.prompts().size() / 3;
        Metric.Accumulator<R> all = metric.start();
        all.merge(metric.start());
        for (int piece : order) {
            Metric.Accumulator<R> part = metric.start();
            int from = piece * third;
            part.add(whole.slice(from, from + 5));
            part.add(whole.slice(from + 5, from + third));
            all.merge(part);
        }
        all.merge(metric.start());
        return all.finish();
    }

    @Test
    void eachSiteByItself() {
        float[][] first = {{1, 0}, {0, 1}};
        float[][] second = {{3, 4}, {6, 8}};
        Activations activations = new PlantedModel()
                .with(PlantedModel.units("first", 2), first)
                .with(PlantedModel.units("second", 2), second)
                .capture(List.of("a", "b"));
        Map<Site, LabelSimilarity> apart =
                activations.measure(Cosine.betweenLabels("topic").perSite());
        assertThat(apart.values()).extracting(LabelSimilarity::between).containsExactly(0.0, 1.0);
        assertThat(activations.at("second").measure(Cosine.pairwise()).get(0, 1))
                .isEqualTo(1);
        for (Metric<?> metric : List.of(Cosine.pairwise(), Cosine.betweenLabels("topic"))) {
            assertThatThrownBy(() -> activations.measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("takes one site and was given 2, [first, second]")
                    .hasMessageContaining("activations.at(\"first\").measure(metric)")
                    .hasMessageContaining("metric.perSite()");
        }
    }

    @Test
    void oneHead() {
        float[][] vectors = {{1, 0, 5, 5}, {0, 1, 5, 5}};
        Activations activations =
                new PlantedModel().with(PlantedModel.heads("z", 2, 2), vectors).capture(List.of("a", "b"));
        assertThat(activations.at("z").head(0).measure(Cosine.pairwise()).get(0, 1))
                .isZero();
        assertThat(activations.at("z").head(1).measure(Cosine.pairwise()).get(0, 1))
                .isEqualTo(1);
        assertThat(activations.measure(Cosine.pairwise()).get(0, 1)).isCloseTo(50 / 51.0, CLOSE);
    }

    @Test
    void refusesWhatHasNoVectorAPrompt() {
        Activations perToken = new PlantedModel()
                .with(PlantedModel.units("site", 1), new float[] {1})
                .capture(Pooling.none(), List.of("a"));
        Site pattern = new Site("pattern", OptionalInt.of(0), List.of(Axis.heads(1), Axis.QUERY, Axis.KEY), false);
        Activations attention =
                new PlantedModel().with(pattern, new float[] {1}).capture(Pooling.none(), List.of("a"));
        for (Metric<?> metric : List.of(Cosine.pairwise(), Cosine.betweenLabels("topic"), Selectivity.by("topic"))) {
            assertThatThrownBy(() -> perToken.measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("site was captured with Pooling.none()")
                    .hasMessageContaining("Pooling.mean()");
            assertThatThrownBy(() -> attention.measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("pattern has a value for each pair of positions");
        }
    }

    @Test
    void takesASiteThatNeverHadPositions() {
        Site pooledByTheModel = new Site("pooler", OptionalInt.empty(), List.of(Axis.units(1)), false);
        Activations activations = new PlantedModel()
                .with(pooledByTheModel, new float[] {2}, new float[] {-1})
                .capture(Pooling.none(), List.of("a", "b"));
        assertThat(activations.measure(Cosine.pairwise()).get(0, 1)).isEqualTo(-1);
        assertThat(activations.measure(Selectivity.by("topic")).size()).isEqualTo(2);
    }

    @Test
    void saysWhatIsWrong() {
        Activations activations = PlantedModel.of(List.of("a", "b"), new float[] {1, 1}, new float[] {0, 1});
        LabelSimilarity means = activations.measure(Cosine.betweenLabels("topic"));
        assertThatThrownBy(() -> means.mean("a", "cooking"))
                .isInstanceOf(ModscanException.class)
                .hasMessage("no prompt had the label 'cooking'; the labels are [a, b]");
        assertThatThrownBy(() -> means.prompts("c")).isInstanceOf(ModscanException.class);
        assertThat(means).asString().startsWith("LabelSimilarity[[a, b], within NaN, between 0.707");
        assertThatThrownBy(() -> activations.measure(Cosine.betweenLabels("language")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'language'")
                .hasMessageContaining("[topic]");

        Activations wider = PlantedModel.of(List.of("a"), new float[] {1, 2, 3});
        for (Metric<?> metric : List.of(Cosine.pairwise(), Cosine.betweenLabels("topic"), Selectivity.by("topic"))) {
            assertThatThrownBy(() -> metric.start().finish())
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("before any activations");
            Metric.Accumulator<?> accumulator = metric.start();
            accumulator.add(activations);
            assertThatThrownBy(() -> accumulator.add(wider))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("same sites and poolings");
        }
    }

    private static float[][] random(Random random, int n, int width) {
        List<float[]> vectors = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            float[] vector = new float[width];
            for (int j = 0; j < width; j++) {
                vector[j] = (float) random.nextGaussian();
            }
            vectors.add(vector);
        }
        return vectors.toArray(float[][]::new);
    }
}
