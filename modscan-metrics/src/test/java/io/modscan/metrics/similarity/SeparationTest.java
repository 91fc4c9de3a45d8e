package io.modscan.metrics.similarity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.internal.linear.Dot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SeparationTest {

    static Stream<Map<String, Object>> separations() {
        return Golden.cases("similarity.json", "separations");
    }

    private static Metric<SimilarityMatrix> measure(Map<String, Object> golden) {
        return switch (String.valueOf(golden.get("measure"))) {
            case "cosine" -> Cosine.pairwise();
            case "scaledCosine" -> ScaledCosine.pairwise();
            default -> Closeness.pairwise();
        };
    }

    private static Activations activations(Map<String, Object> golden) {
        return PlantedModel.of(Golden.strings(golden.get("labels")), Golden.vectors(golden.get("vectors")));
    }

    @ParameterizedTest
    @MethodSource("separations")
    void agreesWithScikitLearn(Map<String, Object> golden) {
        LabelSeparation separation = activations(golden)
                .measure(Separation.by("topic", measure(golden)).withShuffles(9));
        double error = 0;
        error = Math.max(error, Vectors.difference(separation.within(), Golden.number(golden.get("within"))));
        error = Math.max(error, Vectors.difference(separation.between(), Golden.number(golden.get("between"))));
        error = Math.max(error, Vectors.difference(separation.gap(), Golden.number(golden.get("gap"))));
        double silhouetteError = Vectors.difference(separation.silhouette(), Golden.number(golden.get("silhouette")));
        assertThat(error).isLessThanOrEqualTo(1e-14);
        assertThat(silhouetteError).isLessThanOrEqualTo(1e-13);
        assertThat(separation.accuracy()).isEqualTo(Golden.number(golden.get("accuracy")));
        assertThat(separation.leftOut()).isEqualTo(Golden.integer(golden.get("leftOut")));
        assertThat(separation.prompts() + separation.leftOut())
                .isEqualTo(Golden.list(golden.get("labels")).size());
    }

    @ParameterizedTest
    @MethodSource("separations")
    void shufflingAgreesWithAllPermutations(Map<String, Object> golden) {
        if (!golden.containsKey("p")) {
            return;
        }
        int permutations = 40_000;
        LabelSeparation separation = activations(golden)
                .measure(Separation.by("topic", measure(golden)).withShuffles(permutations));
        double[] exact = Golden.doubles(golden.get("p"));
        double[] seen = {separation.gapP(), separation.silhouetteP(), separation.accuracyP()};
        for (int i = 0; i < 3; i++) {
            double deviation = Math.sqrt(exact[i] * (1 - exact[i]) / permutations);
            assertThat(seen[i]).isCloseTo(exact[i], within(4.5 * deviation + 1.0 / permutations));
        }
    }

    /** The statistics of one labelling, spelled out with distances between points and centroids in double precision. */
    @ParameterizedTest
    @EnumSource
    void accuracyIsThatOfExplicitCentroids(Measure measure) {
        Random random = new Random(31);
        for (int trial = 0; trial < 30; trial++) {
            int n = 5 + random.nextInt(30);
            int width = 1 + random.nextInt(6);
            float[][] vectors = Vectors.normal(random, n, width);
            List<String> labels = IntStream.range(0, n)
                    .mapToObj(i -> i == 0 ? "t0" : i == 1 ? "t1" : "t" + random.nextInt(4))
                    .toList();
            for (int i = 0; i < n; i++) {
                vectors[i][0] += labels.get(i).equals("t0") ? 1.5f : 0;
            }
            double[][] points = new double[n][width];
            for (int i = 0; i < n; i++) {
                double length = measure == Measure.COSINE ? Math.sqrt(Dot.of(vectors[i], vectors[i])) : 1;
                for (int k = 0; k < width; k++) {
                    points[i][k] = vectors[i][k] / length;
                }
            }
            LabelSeparation separation = PlantedModel.of(labels, vectors)
                    .measure(Separation.by("topic", measure.pairwise(Precision.DOUBLE))
                            .withShuffles(0));
            if (measure == Measure.COSINE && width == 1) {
                // Unit vectors of one value are ±1, so that centroids tie: see aTieIsWrong.
                continue;
            }
            assertThat(separation.accuracy()).isEqualTo(leaveOneOut(points, labels));
        }
    }

    private static double leaveOneOut(double[][] points, List<String> labels) {
        int hits = 0;
        for (int i = 0; i < points.length; i++) {
            String nearest = "";
            double least = Double.POSITIVE_INFINITY;
            for (String label : labels) {
                double[] centroid = new double[points[i].length];
                int count = 0;
                for (int j = 0; j < points.length; j++) {
                    if (j != i && labels.get(j).equals(label)) {
                        count++;
                        for (int k = 0; k < centroid.length; k++) {
                            centroid[k] += points[j][k];
                        }
                    }
                }
                double square = 0;
                for (int k = 0; k < centroid.length; k++) {
                    square += Math.pow(points[i][k] - centroid[k] / count, 2);
                }
                if (square < least) {
                    least = square;
                    nearest = label;
                }
            }
            hits += nearest.equals(labels.get(i)) ? 1 : 0;
        }
        return (double) hits / points.length;
    }

    @Test
    void farApart() {
        Random random = new Random(1);
        float[][] vectors = Vectors.normal(random, 30, 5);
        List<String> labels = Vectors.labels(30, 3);
        for (int i = 0; i < 30; i++) {
            vectors[i][i % 3] += 20;
        }
        LabelSeparation separation = PlantedModel.of(labels, vectors).measure(Separation.by("topic"));
        assertThat(separation.accuracy()).isEqualTo(1);
        assertThat(separation.silhouette()).isGreaterThan(0.8);
        assertThat(separation.gap()).isEqualTo(separation.within() - separation.between());
        // None of 999 shuffles comes near.
        assertThat(new double[] {separation.gapP(), separation.silhouetteP(), separation.accuracyP()})
                .containsOnly(0.001);
    }

    /** Random labels: each p-value is at most α in at most a share α of cases, up to chance. */
    @Test
    void pValuesHoldUnderTheNull() {
        Random random = new Random(77);
        int trials = 400;
        int[] below = new int[3];
        for (int trial = 0; trial < trials; trial++) {
            List<String> labels = IntStream.range(0, 18)
                    .mapToObj(i -> "t" + (i < 4 ? 0 : i < 10 ? 1 : 2))
                    .toList();
            LabelSeparation separation = PlantedModel.of(labels, Vectors.normal(random, 18, 4))
                    .measure(Separation.by("topic", Closeness.pairwise())
                            .withShuffles(99)
                            .withSeed(trial));
            double[] p = {separation.gapP(), separation.silhouetteP(), separation.accuracyP()};
            for (int i = 0; i < 3; i++) {
                below[i] += p[i] <= 0.1 ? 1 : 0;
            }
        }
        // 40 expected, with a standard deviation of 6; the accuracy takes few values, and so comes to fewer.
        assertThat(below[0]).isBetween(16, 64);
        assertThat(below[1]).isBetween(16, 64);
        assertThat(below[2]).isBetween(1, 64);
    }

    @Test
    void equalPromptsAreNotSeparated() {
        // 700 prompts go by products, where rounding differs from pair to pair.
        for (int n : new int[] {8, 700}) {
            float[][] vectors = new float[n][10];
            for (float[] vector : vectors) {
                Arrays.fill(vector, 0.1f);
            }
            Activations activations = PlantedModel.of(Vectors.labels(n, 2), vectors);
            for (Metric<SimilarityMatrix> measure :
                    List.of(Cosine.pairwise(), ScaledCosine.pairwise(), Closeness.pairwise())) {
                LabelSeparation separation =
                        activations.measure(Separation.by("topic", measure).withShuffles(19));
                assertThat(separation.gap()).isCloseTo(0, within(1e-14));
                assertThat(separation.silhouette()).isZero();
                assertThat(separation.accuracy()).isZero();
                assertThat(new double[] {separation.gapP(), separation.silhouetteP(), separation.accuracyP()})
                        .containsOnly(1);
            }
        }
    }

    @Test
    void aTieIsWrong() {
        // The prompt at 0 is as far from the other prompt of its label, at 1, as from the other label's centroid at −1.
        Activations activations = PlantedModel.of(
                List.of("a", "a", "b", "b"), new float[] {0}, new float[] {1}, new float[] {-1}, new float[] {-1});
        LabelSeparation separation = activations.measure(Separation.by("topic", Closeness.pairwise()));
        assertThat(separation.accuracy()).isEqualTo(0.75);
    }

    /** A prompt that is the only one of its label is never the one left out. */
    @Test
    void standardErrorsAreTheJackknifes() {
        float[][] vectors = Vectors.normal(new Random(5), 11, 3);
        List<String> labels = List.of("a", "b", "a", "c", "c", "a", "b", "lone", "c", "b", "a");
        Metric<SimilarityMatrix> near = Similarity.pairwise("near", (a, b) -> 1 - Math.abs(a[0] - b[0]) / 9);
        for (Metric<SimilarityMatrix> similarity : List.of(Cosine.pairwise(), near)) {
            Separation separation = Separation.by("topic", similarity).withShuffles(0);
            List<LabelSeparation> without = new ArrayList<>();
            for (int left = 0; left < vectors.length; left++) {
                if (!labels.get(left).equals("lone")) {
                    List<String> others = new ArrayList<>(labels);
                    others.remove(left);
                    List<float[]> rest = new ArrayList<>(List.of(vectors));
                    rest.remove(left);
                    without.add(PlantedModel.of(others, rest.toArray(float[][]::new))
                            .measure(separation));
                }
            }
            LabelSeparation all = PlantedModel.of(labels, vectors).measure(separation);
            assertThat(all.gapError()).isCloseTo(jackknife(without, LabelSeparation::gap), within(1e-12));
            assertThat(all.silhouetteError()).isCloseTo(jackknife(without, LabelSeparation::silhouette), within(1e-12));
            assertThat(all.accuracyError()).isCloseTo(jackknife(without, LabelSeparation::accuracy), within(1e-12));
        }
    }

    private static double jackknife(List<LabelSeparation> without, ToDoubleFunction<LabelSeparation> statistic) {
        double[] values = without.stream().mapToDouble(statistic).toArray();
        double mean = Arrays.stream(values).average().orElseThrow();
        return Math.sqrt(Arrays.stream(values)
                        .map(value -> (value - mean) * (value - mean))
                        .sum()
                * (values.length - 1)
                / values.length);
    }

    @Test
    void promptsWithoutSimilarityAreLeftOut() {
        float[][] vectors = Vectors.normal(new Random(3), 9, 4);
        List<String> labels = List.of("a", "a", "a", "a", "b", "b", "b", "b", "b");
        Separation separation = Separation.by("topic").withShuffles(49);
        LabelSeparation without =
                PlantedModel.of(labels.subList(0, 8), Arrays.copyOf(vectors, 8)).measure(separation);
        Arrays.fill(vectors[8], 0);
        LabelSeparation all = PlantedModel.of(labels, vectors).measure(separation);
        assertThat(all.leftOut()).isEqualTo(1);
        assertThat(all)
                .isEqualTo(new LabelSeparation(
                        8,
                        1,
                        without.within(),
                        without.between(),
                        without.gap(),
                        without.gapError(),
                        without.gapP(),
                        without.silhouette(),
                        without.silhouetteError(),
                        without.silhouetteP(),
                        without.accuracy(),
                        without.accuracyError(),
                        without.accuracyP()));
        // A site that is dead for all of a label, or for all prompts.
        for (int alive : new int[] {4, 1, 0}) {
            float[][] dead = Arrays.stream(vectors).map(float[]::clone).toArray(float[][]::new);
            for (int i = alive; i < 9; i++) {
                Arrays.fill(dead[i], 0);
            }
            assertThat(PlantedModel.of(labels, dead).measure(separation))
                    .isEqualTo(LabelSeparation.undefined(alive, 9 - alive));
        }
    }

    @Test
    void eachPromptOfItsOwn() {
        LabelSeparation separation = PlantedModel.of(
                        List.of("a", "b", "c"), new float[] {1, 2}, new float[] {2, 1}, new float[] {-1, 3})
                .measure(Separation.by("topic"));
        assertThat(separation.within()).isNaN();
        assertThat(separation.gap()).isNaN();
        assertThat(separation.gapP()).isNaN();
        assertThat(separation.between()).isNotNaN();
        assertThat(separation.silhouette()).isZero();
        assertThat(separation.silhouetteP()).isEqualTo(1);
        assertThat(separation.accuracy()).isZero();
        assertThat(separation.accuracyP()).isEqualTo(1);
    }

    @Test
    void aUsersSimilarity() {
        Activations activations = PlantedModel.of(
                List.of("a", "a", "b", "b"), new float[] {0}, new float[] {1}, new float[] {5}, new float[] {7});
        // A dot product is not bounded, so there is no distance 1 − s; centroids and means are all right.
        LabelSeparation dots =
                activations.measure(Separation.by("topic", Similarity.pairwise("dot", (a, b) -> (double) a[0] * b[0])));
        assertThat(dots.silhouette()).isNaN();
        assertThat(dots.silhouetteP()).isNaN();
        assertThat(dots.within()).isEqualTo(17.5);
        assertThat(dots.between()).isEqualTo(3);
        assertThat(dots.accuracy()).isEqualTo(1);

        // Not symmetric: the mean of both directions counts.
        LabelSeparation odd = activations.measure(Separation.by(
                "topic", Similarity.pairwise("odd", (a, b) -> a[0] < b[0] ? -a[0] : b[0] - 9)));
        LabelSeparation even = activations.measure(Separation.by("topic", Similarity.pairwise("even", (a, b) -> {
            double less = Math.min(a[0], b[0]);
            return a[0] == b[0] ? less - 9 : (-less + less - 9) / 2;
        })));
        assertThat(odd).isEqualTo(even);

        for (double wrong : new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            Metric<SimilarityMatrix> hole = Similarity.pairwise("hole", (a, b) -> a[0] == 1 && b[0] == 7 ? wrong : 0.5);
            assertThat(activations.measure(Separation.by("topic", hole))).isEqualTo(LabelSeparation.undefined(4, 0));
        }
    }

    @Test
    void settingsCount() {
        Activations activations = PlantedModel.of(Vectors.labels(20, 2), Vectors.normal(new Random(2), 20, 3));
        Separation separation = Separation.by("topic");
        LabelSeparation first = activations.measure(separation);
        assertThat(activations.measure(separation)).isEqualTo(first);
        assertThat(activations.measure(separation.withSeed(0).withShuffles(999)))
                .isEqualTo(first);
        LabelSeparation other = activations.measure(separation.withSeed(5));
        assertThat(other.gapP()).isNotEqualTo(first.gapP()).isCloseTo(first.gapP(), within(0.08));
        assertThat(other.gap()).isEqualTo(first.gap());
        LabelSeparation none = activations.measure(separation.withShuffles(0));
        assertThat(none.gap()).isEqualTo(first.gap());
        assertThat(new double[] {none.gapP(), none.silhouetteP(), none.accuracyP()})
                .containsOnly(Double.NaN);
        assertThatThrownBy(() -> separation.withShuffles(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("-1 times");
    }

    @Test
    void keepsTheContract() {
        float[][] vectors = Vectors.normal(new Random(21), 20, 4);
        Activations activations = PlantedModel.of(Vectors.labels(20, 3), vectors);
        // To the last bit, in any order of pieces: prompts are sorted by id.
        MetricContract.of(Separation.by("topic").withShuffles(99), activations)
                .onNaN(separation -> assertThat(separation.leftOut()).isEqualTo(1))
                .onNaN(separation -> assertThat(separation.gap()).isNotNaN())
                .verify();
        MetricContract.of(Separation.by("topic", Closeness.pairwise()).withShuffles(99), activations)
                .onNaN(separation -> assertThat(separation.leftOut()).isEqualTo(20))
                .onNaN(separation -> assertThat(separation.gap()).isNaN())
                .verify();
    }

    @Test
    void perSite() {
        float[][] apart = {{1, 0}, {0, 1}, {2, 0.1f}, {0, 3}};
        float[][] not = {{1, 0}, {1, 0}, {0, 1}, {0, 1}};
        Map<Site, LabelSeparation> sites = new PlantedModel()
                .with(PlantedModel.units("apart", 2), apart)
                .with(PlantedModel.units("not", 2), not)
                .capture(List.of("a", "b", "a", "b"))
                .measure(Separation.by("topic").perSite());
        assertThat(sites.values()).extracting(LabelSeparation::accuracy).containsExactly(1.0, 0.0);
    }

    @Test
    void saysWhatIsWrong() {
        Activations same = PlantedModel.of(Collections.nCopies(3, "a"), Vectors.normal(new Random(2), 3, 3));
        assertThatThrownBy(() -> same.measure(Separation.by("topic")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("all prompts have the topic 'a'");
        assertThatThrownBy(() -> same.measure(Separation.by("language")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'language'");
    }
}
