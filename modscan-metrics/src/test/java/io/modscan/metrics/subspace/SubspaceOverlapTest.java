package io.modscan.metrics.subspace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SubspaceOverlapTest {

    /** Enough that a mean over shuffles is as good as that over all ways to deal out the prompts. */
    private static final int SHUFFLES = 4000;

    static Stream<Map<String, Object>> golden() {
        return Golden.cases("subspace.json", "labelOverlaps");
    }

    @ParameterizedTest
    @MethodSource("golden")
    @SuppressWarnings("unchecked")
    void numbersAreThoseOfNumPy(Map<String, Object> golden) {
        Activations activations =
                PlantedModel.of(Golden.strings(golden.get("labels")), Golden.vectors(golden.get("vectors")));
        LabelOverlaps overlaps = activations.measure(
                SubspaceOverlap.by("topic", Golden.integer(golden.get("k"))).withShuffles(0));
        List<Map<String, Object>> pairs = (List<Map<String, Object>>) Golden.list(golden.get("pairs"));
        assertThat(overlaps.pairs()).hasSameSizeAs(pairs);
        double sum = 0;
        for (int i = 0; i < pairs.size(); i++) {
            LabelOverlap actual = overlaps.pairs().get(i);
            Map<String, Object> pair = pairs.get(i);
            String a = String.valueOf(pair.get("a"));
            String b = String.valueOf(pair.get("b"));
            assertThat(List.of(actual.a(), actual.b())).containsExactly(a, b);
            assertThat(overlaps.get(a, b)).isSameAs(actual);
            assertThat(overlaps.get(b, a)).isSameAs(actual);
            assertThat(actual.dimensionA()).isEqualTo(Golden.integer(pair.get("dimensionA")));
            assertThat(actual.dimensionB()).isEqualTo(Golden.integer(pair.get("dimensionB")));
            assertThat(overlaps.subspace(a).dimension()).isEqualTo(actual.dimensionA());
            assertThat(actual.overlap()).isCloseTo(Golden.number(pair.get("overlap")), within(1e-10));
            assertThat(actual.expected()).isCloseTo(Golden.number(pair.get("expected")), within(1e-15));
            double[] angles = Golden.doubles(pair.get("angles"));
            assertThat(actual.angles()).hasSize(angles.length);
            for (int j = 0; j < angles.length; j++) {
                assertThat(actual.angles().get(j)).isCloseTo(angles[j], within(1e-10));
            }
            sum += actual.overlap();
        }
        assertThat(overlaps.meanOverlap()).isCloseTo(sum / pairs.size(), within(1e-9));
    }

    static Stream<Map<String, Object>> differences() {
        return Golden.cases("subspace.json", "shuffledDifferences");
    }

    @ParameterizedTest
    @MethodSource("differences")
    void shufflesAreThoseOfNumPy(Map<String, Object> golden) {
        List<double[][]> groups = List.of(Golden.matrix(golden.get("first")), Golden.matrix(golden.get("second")));
        AgainstShuffles actual =
                new LabelShuffle(groups, Golden.integer(golden.get("k"))).overlaps(SHUFFLES, new SplittableRandom(7));
        double sd = Golden.number(golden.get("splitSd"));
        double share = Golden.number(golden.get("splitShare"));
        assertThat(actual.observed()).isCloseTo(Golden.number(golden.get("overlap")), within(1e-10));
        assertThat(actual.mean())
                .isCloseTo(Golden.number(golden.get("splitMean")), within(5 * sd / Math.sqrt(SHUFFLES)));
        assertThat(actual.sd()).isCloseTo(sd, within(0.1 * sd));
        assertThat(actual.p()).isCloseTo(share, within(5 * Math.sqrt(share * (1 - share) / SHUFFLES) + 1.0 / SHUFFLES));
    }

    @Test
    void differencesAreOfPairsOfLengthOne() {
        double[][] rows = SubspaceTest.normal(new Random(3), 7, 4);
        double[][] differences = LabelShuffle.differences(rows, new SplittableRandom(1));
        assertThat(differences).hasNumberOfRows(3);
        List<Integer> used = new ArrayList<>();
        for (double[] difference : differences) {
            assertThat(Dot.of(difference, difference)).isCloseTo(1, within(1e-12));
            for (int i = 0; i < 7; i++) {
                for (int j = 0; j < 7; j++) {
                    double[] from = rows[i];
                    double[] to = rows[j];
                    double[] apart = IntStream.range(0, 4)
                            .mapToDouble(at -> from[at] - to[at])
                            .toArray();
                    double length = Math.sqrt(Dot.of(apart, apart));
                    if (i != j && Math.abs(Dot.of(apart, difference) - length) < 1e-9) {
                        used.add(i);
                        used.add(j);
                    }
                }
            }
        }
        assertThat(used).hasSize(6).doesNotHaveDuplicates();
        rows[1] = rows[0].clone();
        assertThat(LabelShuffle.differences(new double[][] {rows[0], rows[1]}, new SplittableRandom(1)))
                .isEmpty();
    }

    /** Prompts of each label, which vary along some coordinates by 1 and along all others by a tenth, around a mean. */
    private static Activations planted(long seed, int prompts, int width, double shift, int[]... along) {
        Random random = new Random(seed);
        List<String> labels = new ArrayList<>();
        List<float[]> vectors = new ArrayList<>();
        for (int label = 0; label < along.length; label++) {
            double[] mean = SubspaceTest.normal(random, 1, width)[0];
            for (int i = 0; i < prompts; i++) {
                float[] vector = new float[width];
                for (int j = 0; j < width; j++) {
                    vector[j] = (float) (shift * mean[j] + 0.1 * random.nextGaussian());
                }
                for (int coordinate : along[label]) {
                    vector[coordinate] += (float) random.nextGaussian();
                }
                labels.add("t" + label);
                vectors.add(vector);
            }
        }
        return PlantedModel.of(labels, vectors.toArray(float[][]::new));
    }

    @Test
    void labelsThatVaryInOtherDirectionsAreFound() {
        Activations activations = planted(1, 15, 40, 2, new int[] {0, 1}, new int[] {0, 1}, new int[] {20, 21});
        LabelOverlaps overlaps = activations.measure(SubspaceOverlap.by("topic", 2));
        assertThat(overlaps.labels()).containsExactly("t0", "t1", "t2");
        assertThat(overlaps.get("t0", "t2").overlap()).isLessThan(0.05);
        assertThat(overlaps.get("t0", "t2").p()).isLessThan(0.05);
        assertThat(overlaps.get("t1", "t2").p()).isLessThan(0.05);
        assertThat(overlaps.get("t0", "t1").overlap()).isGreaterThan(0.9);
        assertThat(overlaps.get("t0", "t1").p()).isGreaterThan(0.05);
        assertThat(overlaps.p()).isLessThan(0.05);
        assertThat(overlaps.shuffledMean()).isGreaterThan(overlaps.meanPaired());
        assertThat(overlaps.get("t0", "t2").toString()).startsWith("t0 – t2: overlap 0.");
        assertThat(overlaps.toString()).startsWith("LabelOverlaps[[t0, t1, t2], mean overlap 0.");
    }

    @Test
    void differentMeansAreNoDifferentDirections() {
        int below = 0;
        int runs = 60;
        double sum = 0;
        for (int seed = 0; seed < runs; seed++) {
            Activations activations = planted(100 + seed, 12, 30, 10, new int[] {0, 1, 2}, new int[] {0, 1, 2});
            double p = activations
                    .measure(SubspaceOverlap.by("topic", 3).withShuffles(99).withSeed(seed))
                    .p();
            below += p <= 0.05 ? 1 : 0;
            sum += p;
        }
        // 3 are expected; of 60 at 0.05, more than 8 have a probability of 0.005.
        assertThat(below).isLessThanOrEqualTo(8);
        assertThat(sum / runs).isBetween(0.35, 0.65);
    }

    @Test
    void aLabelOfOnePromptHasNoOverlap() {
        Activations activations = PlantedModel.of(
                List.of("a", "b", "b", "b", "b", "c", "c", "c", "c", "c"),
                SubspaceTest.floats(SubspaceTest.normal(new Random(2), 10, 5)));
        LabelOverlaps overlaps = activations.measure(
                SubspaceOverlap.by("topic", 2).withShuffles(9).withSeed(1));
        LabelOverlap none = overlaps.get("a", "c");
        assertThat(none.dimensionA()).isZero();
        assertThat(none.angles()).isEmpty();
        assertThat(new double[] {
                    none.overlap(), none.expected(), none.paired(), none.shuffledMean(), none.shuffledSd(), none.p()
                })
                .containsOnly(Double.NaN);
        LabelOverlap some = overlaps.get("b", "c");
        assertThat(some.dimensionA()).isEqualTo(2);
        assertThat(some.dimensionB()).isEqualTo(2);
        assertThat(some.p()).isBetween(0.1, 1.0);
        assertThat(overlaps.meanOverlap()).isCloseTo(some.overlap(), within(1e-12));
        assertThat(overlaps.meanPaired()).isCloseTo(some.paired(), within(1e-9));
    }

    /** With k near the number of prompts all shuffles overlap alike, and a p says nothing. */
    @Test
    void tooFewPromptsForAPAreRefused() {
        Activations ten = planted(4, 10, 40, 0, new int[] {0}, new int[] {3});
        for (int k : new int[] {6, 9, 10, 20}) {
            assertThatThrownBy(() -> ten.measure(SubspaceOverlap.by("topic", k)))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContainingAll("'t0' has 10 prompts", k + " dimensions", "5 or fewer", "withShuffles(0)");
            LabelOverlap pair =
                    ten.measure(SubspaceOverlap.by("topic", k).withShuffles(0)).get("t0", "t1");
            assertThat(pair.dimensionA()).isEqualTo(Math.min(k, 9));
            assertThat(pair.p()).isNaN();
        }
        assertThat(ten.measure(SubspaceOverlap.by("topic", 5).withShuffles(19)).p())
                .isBetween(0.05, 1.0);
        // One label with few is enough.
        List<Integer> some = IntStream.range(0, 13).boxed().toList();
        Activations few =
                ten.where(prompt -> some.stream().anyMatch(i -> prompt.id().equals("p" + i)));
        assertThatThrownBy(() -> few.measure(SubspaceOverlap.by("topic", 2)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'t1' has 3 prompts");
    }

    @Test
    void equalPromptsHaveNoOverlap() {
        float[][] vectors = new float[6][];
        Arrays.setAll(vectors, i -> new float[] {0.1f, 0.2f, 0.3f});
        LabelOverlaps overlaps =
                PlantedModel.of(List.of("a", "a", "a", "b", "b", "b"), vectors).measure(SubspaceOverlap.by("topic", 1));
        assertThat(overlaps.meanPaired()).isNaN();
        assertThat(overlaps.meanOverlap()).isNaN();
        assertThat(overlaps.shuffledMean()).isNaN();
        assertThat(overlaps.p()).isNaN();
    }

    @Test
    void withoutShufflesThereIsNoP() {
        LabelOverlaps overlaps = planted(4, 6, 8, 0, new int[] {0}, new int[] {3})
                .measure(SubspaceOverlap.by("topic", 1).withShuffles(0).withSeed(1));
        LabelOverlap pair = overlaps.get("t0", "t1");
        assertThat(pair.overlap()).isBetween(0.0, 0.2);
        assertThat(new double[] {pair.shuffledMean(), pair.shuffledSd(), pair.p(), overlaps.p()})
                .containsOnly(Double.NaN);
    }

    @Test
    void withoutTestsOfPairsTheTestOfAllStaysWhatItIs() {
        Activations sample = planted(6, 7, 9, 1, new int[] {0, 1}, new int[] {2}, new int[] {0, 5});
        SubspaceOverlap metric = SubspaceOverlap.by("topic", 2).withShuffles(19);
        LabelOverlaps expected = sample.measure(metric);
        LabelOverlaps actual = sample.measure(metric.withoutTestsOfPairs());
        assertThat(actual.p()).isEqualTo(expected.p());
        assertThat(actual.shuffledMean()).isEqualTo(expected.shuffledMean());
        assertThat(actual.pairs()).hasSameSizeAs(expected.pairs());
        for (int i = 0; i < actual.pairs().size(); i++) {
            LabelOverlap pair = actual.pairs().get(i);
            assertThat(pair.paired()).isEqualTo(expected.pairs().get(i).paired());
            assertThat(pair.angles()).isEqualTo(expected.pairs().get(i).angles());
            assertThat(pair.p()).isNaN();
            assertThat(expected.pairs().get(i).p()).isNotNaN();
        }
    }

    @Test
    void scaleMakesNoDifference() {
        double[][] vectors = SubspaceTest.normal(new Random(9), 12, 6);
        List<String> labels = IntStream.range(0, 12).mapToObj(i -> "t" + i % 2).toList();
        LabelOverlap expected = PlantedModel.of(labels, SubspaceTest.floats(vectors))
                .measure(SubspaceOverlap.by("topic", 2))
                .get("t0", "t1");
        // Powers of two, so that float32 rounds alike.
        for (double scale : new double[] {0x1p-100, 0x1p100}) {
            double[][] scaled = new double[12][6];
            for (int i = 0; i < 12; i++) {
                for (int j = 0; j < 6; j++) {
                    scaled[i][j] = vectors[i][j] * scale;
                }
            }
            LabelOverlap actual = PlantedModel.of(labels, SubspaceTest.floats(scaled))
                    .measure(SubspaceOverlap.by("topic", 2))
                    .get("t0", "t1");
            assertThat(actual.overlap()).isCloseTo(expected.overlap(), within(1e-12));
            assertThat(actual.p()).isEqualTo(expected.p());
        }
    }

    @Test
    void keepsTheContractToTheLastBit() {
        Activations sample = planted(6, 7, 9, 1, new int[] {0, 1}, new int[] {2}, new int[] {0, 5});
        MetricContract.of(
                        SubspaceOverlap.by("topic", 2)
                                .withShuffles(19)
                                .withSeed(3)
                                .map(LabelOverlaps::pairs),
                        sample)
                .verify();
    }

    @Test
    void anotherSeedShufflesOtherwise() {
        Activations sample = planted(6, 7, 9, 1, new int[] {0, 1}, new int[] {2});
        double first = sample.measure(
                        SubspaceOverlap.by("topic", 2).withShuffles(19).withSeed(3))
                .shuffledMean();
        double again = sample.measure(
                        SubspaceOverlap.by("topic", 2).withShuffles(19).withSeed(3))
                .shuffledMean();
        double other = sample.measure(
                        SubspaceOverlap.by("topic", 2).withShuffles(19).withSeed(4))
                .shuffledMean();
        assertThat(again).isEqualTo(first);
        assertThat(other).isNotEqualTo(first);
    }

    @Test
    void eachSiteByItself() {
        float[][] vectors = SubspaceTest.floats(SubspaceTest.normal(new Random(2), 8, 4));
        Activations activations = new PlantedModel()
                .with(PlantedModel.units("first", 4), vectors)
                .with(PlantedModel.heads("second", 2, 2), vectors)
                .capture(List.of("a", "a", "a", "a", "b", "b", "b", "b"));
        assertThat(activations
                        .measure(SubspaceOverlap.by("topic", 1)
                                .withShuffles(5)
                                .withSeed(1)
                                .perSite())
                        .values())
                .hasSize(2)
                .allMatch(overlaps -> overlaps.meanOverlap() <= 1);
        assertThat(activations
                        .at("second")
                        .measure(SubspaceOverlap.by("topic", 1)
                                .withShuffles(5)
                                .withSeed(1)
                                .perHead()))
                .hasSize(2);
    }

    @Test
    void saysWhatIsWrong() {
        Activations one = PlantedModel.of(Collections.nCopies(3, "a"), new float[3][2]);
        assertThatThrownBy(() -> one.measure(SubspaceOverlap.by("topic", 1)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll("all prompts have the topic 'a'", "at least two");
        assertThatThrownBy(() -> SubspaceOverlap.by("topic", 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> SubspaceOverlap.by("topic", 1).withShuffles(-1))
                .isInstanceOf(IllegalArgumentException.class);
        Activations missing = PlantedModel.of(List.of("a", "b"), new float[] {1, 2}, new float[] {3, Float.NaN});
        assertThatThrownBy(() -> missing.measure(SubspaceOverlap.by("topic", 1)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'p1'");
        LabelOverlaps overlaps =
                PlantedModel.of(List.of("a", "b"), new float[2][2]).measure(SubspaceOverlap.by("topic", 1));
        assertThatThrownBy(() -> overlaps.get("a", "c"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("[a, b]");
        assertThatThrownBy(() -> overlaps.get("a", "a")).isInstanceOf(IllegalArgumentException.class);
    }
}
