package io.modscan.metrics.connections;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.Golden;
import io.modscan.metrics.basis.Basis;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which units carry nearly one feature, against NumPy and by hand. */
class ParallelUnitsTest {

    private static Site neurons(int layer, int units) {
        return new Site(
                "blocks." + layer + ".mlp.hook_post",
                OptionalInt.of(layer),
                List.of(Axis.POSITION, Axis.units(units)),
                false);
    }

    private static Site heads(int heads, int units) {
        return new Site(
                "blocks.0.attn.hook_z",
                OptionalInt.of(0),
                List.of(Axis.POSITION, Axis.heads(heads), Axis.units(units)),
                false);
    }

    private static Prompts prompts(int number) {
        return Prompts.of(IntStream.range(0, number)
                .mapToObj(i -> Prompt.of("p%04d".formatted(i), ""))
                .toList());
    }

    /** Values [prompts, units] of neurons of layer 0. */
    private static Activations activations(float[]... vectors) {
        return Activations.builder(prompts(vectors.length))
                .site(neurons(0, vectors[0].length), Pooling.mean(), vectors)
                .build();
    }

    /** Values [tokens, units], and how many tokens each prompt has. */
    private static Activations perToken(float[][] vectors, int... lengths) {
        int width = vectors[0].length;
        float[][] rows = new float[lengths.length][];
        int token = 0;
        for (int i = 0; i < rows.length; i++) {
            rows[i] = new float[lengths[i] * width];
            for (int j = 0; j < lengths[i]; j++) {
                System.arraycopy(vectors[token++], 0, rows[i], j * width, width);
            }
        }
        return Activations.builder(prompts(lengths.length))
                .site(neurons(0, width), Pooling.none(), rows)
                .build();
    }

    private static Weights mlp(float[][] in, float[][] out) {
        return Weights.of(List.of(matrix("blocks.0.mlp.W_in", in), matrix("blocks.0.mlp.W_out", out)));
    }

    private static Weight matrix(String name, float[][] rows) {
        float[] values = new float[rows.length * rows[0].length];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, values, i * rows[0].length, rows[0].length);
        }
        return Weight.of(name, List.of(rows.length, rows[0].length), values);
    }

    private static float[][] noise(int prompts, int units, long seed) {
        Random random = new Random(seed);
        float[][] vectors = new float[prompts][units];
        for (float[] vector : vectors) {
            for (int i = 0; i < units; i++) {
                vector[i] = (float) random.nextGaussian();
            }
        }
        return vectors;
    }

    private static int[] inSite(List<Unit> units) {
        return units.stream().mapToInt(Unit::inSite).toArray();
    }

    // --- against NumPy

    static Stream<Map<String, Object>> cases() {
        return Golden.cases("parallel.json", "cases");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithNumPy(Map<String, Object> golden) {
        float[][] values = Golden.vectors(golden.get("values"));
        Activations activations = golden.get("lengths") == null
                ? activations(values)
                : perToken(
                        values,
                        Arrays.stream(Golden.doubles(golden.get("lengths")))
                                .mapToInt(length -> (int) length)
                                .toArray());
        ParallelUnits metric = ParallelUnits.find().withLeast(Golden.number(golden.get("least")));
        if (golden.get("wIn") != null) {
            metric = metric.withWeights(mlp(Golden.vectors(golden.get("wIn")), Golden.vectors(golden.get("wOut"))));
        }
        ParallelMap map = activations.measure(metric);

        double[][] pairs = Golden.matrix(golden.get("pairs"));
        assertThat(map.found()).isEqualTo(pairs.length);
        assertThat(map.byOnePrompt()).isEqualTo(Golden.integer(golden.get("byOnePrompt")));
        assertThat(inSite(map.leftOut()))
                .containsExactly(Arrays.stream(Golden.doubles(golden.get("leftOut")))
                        .mapToInt(unit -> (int) unit)
                        .toArray());
        assertThat(map.pairs())
                .isSortedAccordingTo((a, b) -> Double.compare(Math.abs(b.correlation()), Math.abs(a.correlation())));
        for (double[] expected : pairs) {
            UnitPair pair = map.pairs().stream()
                    .filter(p ->
                            p.unit().inSite() == (int) expected[0] && p.other().inSite() == (int) expected[1])
                    .findFirst()
                    .orElseThrow();
            double[] found = {
                pair.correlation(), pair.withoutOne(), pair.cosine(), pair.outputCosine(), pair.inputCosine()
            };
            assertThat(found).containsExactly(Arrays.copyOfRange(expected, 2, 7), within(1e-12));
            assertThat(pair.sign()).isEqualTo((int) Math.signum(expected[2]));
        }
        List<?> groups = Golden.list(golden.get("groups"));
        assertThat(map.groups()).hasSameSizeAs(groups);
        for (int i = 0; i < groups.size(); i++) {
            List<?> expected = Golden.list(groups.get(i));
            UnitGroup group = map.groups().get(i);
            assertThat(Arrays.stream(inSite(group.members())).asDoubleStream().toArray())
                    .containsExactly(Golden.doubles(expected.get(0)));
            assertThat(group.signs().stream().mapToDouble(sign -> sign).toArray())
                    .containsExactly(Golden.doubles(expected.get(1)));
            assertThat(group.weakest()).isCloseTo(Golden.number(expected.get(2)), within(1e-12));
            double net = Golden.number(expected.get(3));
            double gross = Golden.number(expected.get(4));
            assertThat(new double[] {group.netOutput(), group.grossOutput()})
                    .containsExactly(new double[] {net, gross}, within(1e-6 * (Double.isNaN(gross) ? 1 : gross)));
        }
    }

    // --- what cancels

    /** A course and noise; units 0 and 1 are the same, 2 and 3 opposite, 4 and 5 the same, each with some noise of its own. */
    private static float[][] threePairs() {
        float[][] vectors = noise(50, 7, 3);
        Random random = new Random(4);
        for (float[] vector : vectors) {
            for (int i = 0; i < 6; i += 2) {
                vector[i + 1] = (float) ((i == 2 ? -1 : 1) * vector[i] + 0.05 * random.nextGaussian());
            }
        }
        return vectors;
    }

    @Test
    void whatCancelsIsToldFromWhatAddsUp() {
        float[][] out = new float[7][8];
        for (int i = 0; i < 7; i++) {
            out[i][i] = 1;
        }
        out[1] = new float[] {-2, 0, 0, 0, 0, 0, 0, 0};
        out[3] = out[2];
        out[5] = out[4];
        Activations activations = activations(threePairs());
        ParallelMap map = activations.measure(ParallelUnits.find().withWeights(mlp(noise(8, 7, 5), out)));
        assertThat(map.pairs()).hasSize(3).allMatch(pair -> Math.abs(pair.correlation()) > 0.99);
        UnitPair sameFunction = pair(map, 0);
        assertThat(sameFunction.sign()).isEqualTo(1);
        assertThat(sameFunction.outputCosine()).isEqualTo(-1);
        assertThat(sameFunction.written()).isLessThan(-0.99);
        assertThat(sameFunction.toString()).contains("same function", "opposite output", "they cancel");
        UnitPair oppositeFunction = pair(map, 2);
        assertThat(oppositeFunction.sign()).isEqualTo(-1);
        assertThat(oppositeFunction.outputCosine()).isEqualTo(1);
        assertThat(oppositeFunction.written()).isLessThan(-0.99);
        assertThat(oppositeFunction.toString()).contains("opposite function", "same output", "they cancel");
        UnitPair twice = pair(map, 4);
        assertThat(twice.written()).isGreaterThan(0.99);
        assertThat(twice.toString()).contains("same function", "same output", "they add up");
        // In order of first units: 2 of 3, nothing, and all of what each writes by itself.
        assertThat(map.groups()).hasSize(3);
        assertThat(map.groups().get(0).outputShare()).isCloseTo(1 / 3.0, within(0.01));
        assertThat(map.groups().get(1).outputShare()).isCloseTo(0, within(0.01));
        assertThat(map.groups().get(1).signs()).containsExactly(1, -1);
        assertThat(map.groups().get(2).outputShare()).isCloseTo(1, within(0.01));
        assertThat(map.toString()).startsWith("3 pairs").doesNotContain("\n");
        assertThat(map.groups().get(1).toString()).contains("1 against it", "0 % is left");
    }

    private static UnitPair pair(ParallelMap map, int first) {
        return map.pairs().stream()
                .filter(p -> p.unit().inSite() == first)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void withoutWeightsThereAreFunctionsOnly() {
        ParallelMap map = activations(threePairs()).measure(ParallelUnits.find());
        assertThat(map.pairs())
                .hasSize(3)
                .allMatch(pair -> Double.isNaN(pair.outputCosine())
                        && Double.isNaN(pair.inputCosine())
                        && Double.isNaN(pair.written()));
        assertThat(map.pairs().get(0).toString()).doesNotContain("output", "NaN");
        assertThat(map.groups()).allMatch(group -> Double.isNaN(group.outputShare()));
        assertThat(map.groups().get(0).toString()).doesNotContain("NaN", "left");
    }

    @Test
    void ofHeadsItIsTheRowsOfOutputAndTheColumnsOfValueWeights() {
        float[][] z = noise(40, 6, 1);
        for (float[] vector : z) {
            vector[4] = -3 * vector[1];
        }
        Activations activations = Activations.builder(prompts(40))
                .site(heads(2, 3), Pooling.mean(), z)
                .site(heads(2, 3).magnitude(), Pooling.mean(), noise(40, 2, 9))
                .build();
        // [2, 3, 2] and [2, 2, 3]; unit 1 of each head.
        Weights weights = Weights.of(List.of(
                Weight.of("blocks.0.attn.W_O", List.of(2, 3, 2), new float[] {9, 9, 3, 4, 9, 9, 9, 9, 4, -3, 9, 9}),
                Weight.of("blocks.0.attn.W_V", List.of(2, 2, 3), new float[] {9, 1, 9, 9, 0, 9, 9, 1, 9, 9, 1, 9})));
        ParallelMap map = activations.measure(ParallelUnits.find().withWeights(weights));
        assertThat(map.pairs()).hasSize(1);
        UnitPair pair = map.pairs().get(0);
        assertThat(pair.unit()).isEqualTo(Unit.of(heads(2, 3), 0, 1));
        assertThat(pair.other()).isEqualTo(Unit.of(heads(2, 3), 1, 1));
        assertThat(pair.correlation()).isCloseTo(-1, within(1e-12));
        assertThat(pair.outputCosine()).isCloseTo(0, within(1e-12));
        assertThat(pair.inputCosine()).isCloseTo(Math.sqrt(0.5), within(1e-12));
        assertThat(pair.toString()).contains("they go to different places");
        // (3, 4) and 3 times −(4, −3) are at a right angle: √(1 + 9) of 1 + 3.
        assertThat(map.groups().get(0).outputShare()).isCloseTo(Math.sqrt(10) / 4, within(1e-7));
    }

    @Test
    void aNeuronBeforeItsReluAndAHeadsValuesHaveTheSameWeights() {
        Site before =
                new Site("blocks.3.mlp.hook_pre", OptionalInt.of(3), List.of(Axis.POSITION, Axis.units(3)), false);
        Site values = new Site(
                "blocks.2.attn.hook_v", OptionalInt.of(2), List.of(Axis.POSITION, Axis.heads(1), Axis.units(2)), false);
        float[][] one = noise(30, 3, 1);
        float[][] other = noise(30, 2, 2);
        for (int i = 0; i < 30; i++) {
            one[i][2] = other[i][1];
        }
        Weights weights = Weights.of(List.of(
                matrix("blocks.3.mlp.W_in", new float[][] {{9, 9, 1}, {9, 9, 1}}),
                matrix("blocks.3.mlp.W_out", new float[][] {{9, 9}, {9, 9}, {2, 0}}),
                Weight.of("blocks.2.attn.W_V", List.of(1, 2, 2), new float[] {9, 3, 9, -3}),
                Weight.of("blocks.2.attn.W_O", List.of(1, 2, 2), new float[] {9, 9, -5, 0})));
        ParallelMap map = Activations.builder(prompts(30))
                .site(values, Pooling.mean(), other)
                .site(before, Pooling.mean(), one)
                .build()
                .measure(ParallelUnits.find().withWeights(weights));
        assertThat(map.pairs()).hasSize(1);
        assertThat(map.pairs().get(0).outputCosine()).isEqualTo(-1);
        assertThat(map.pairs().get(0).inputCosine()).isEqualTo(0);
    }

    @Test
    void pairsWithASiteWithoutWeightsHaveNone() {
        float[][] one = noise(30, 3, 1);
        float[][] other = noise(30, 2, 2);
        for (int i = 0; i < 30; i++) {
            other[i][1] = one[i][2];
        }
        Site stream =
                new Site("blocks.0.hook_resid_post", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(2)), false);
        ParallelMap map = Activations.builder(prompts(30))
                .site(neurons(0, 3), Pooling.mean(), one)
                .site(stream, Pooling.mean(), other)
                .build()
                .measure(ParallelUnits.find().withWeights(mlp(noise(4, 3, 3), noise(3, 4, 4))));
        assertThat(map.pairs()).hasSize(1).allMatch(pair -> Double.isNaN(pair.outputCosine()));
        assertThat(map.groups().get(0).outputShare()).isNaN();
    }

    // --- which decides

    @Test
    void aCommonMeanIsNoFeature() {
        float[][] vectors = noise(60, 8, 6);
        for (float[] vector : vectors) {
            for (int i = 0; i < 7; i++) {
                vector[i] = 10 + vector[i];
            }
            // Nearly the first without its mean.
            vector[7] = vector[0] - 10 + 0.1f * vector[7];
        }
        ParallelMap map = activations(vectors).measure(ParallelUnits.find());
        assertThat(map.pairs()).hasSize(1);
        assertThat(map.pairs().get(0).correlation()).isGreaterThan(0.98);
        assertThat(map.pairs().get(0).cosine()).isLessThan(0.5);
        assertThat(new UnitFunctionsOf(vectors).cosine(0, 1)).isGreaterThan(0.98);
    }

    private record UnitFunctionsOf(UnitFunctions functions) {
        UnitFunctionsOf(float[][] vectors) {
            this(UnitFunctions.of(activations(vectors)));
        }

        double cosine(int unit, int other) {
            return functions.cosine(unit, other);
        }
    }

    @Test
    void whatHangsOnOnePromptIsNoPair() {
        float[][] vectors = noise(80, 12, 7);
        for (int i = 0; i < 6; i++) {
            vectors[33][i] = i % 2 == 0 ? 1e6f : -500;
        }
        ParallelMap map = activations(vectors).measure(ParallelUnits.find());
        assertThat(map.pairs()).isEmpty();
        assertThat(map.byOnePrompt()).isEqualTo(15);
        assertThat(map.toString()).contains("15 more hang on one prompt");
        // A second such prompt, and nobody could tell them from a feature that fires twice.
        for (int i = 0; i < 6; i++) {
            vectors[50][i] = vectors[33][i];
        }
        assertThat(activations(vectors).measure(ParallelUnits.find()).found()).isEqualTo(15);
    }

    @Test
    void aPairStaysOneBesideABrightPrompt() {
        float[][] vectors = threePairs();
        Arrays.fill(vectors[20], 1e7f);
        vectors[20][3] = -1e7f;
        ParallelMap map = activations(vectors).measure(ParallelUnits.find());
        // All 21 pairs share that prompt; three are more.
        assertThat(map.found()).isEqualTo(3);
        assertThat(map.byOnePrompt()).isEqualTo(18);
        assertThat(map.pairs()).allMatch(pair -> Math.abs(pair.withoutOne()) > 0.98);
    }

    @Test
    void ofTokensAWholePromptIsLeftOut() {
        float[][] tokens = noise(60, 6, 8);
        for (int token = 10; token < 20; token++) {
            for (int i = 0; i < 6; i++) {
                tokens[token][i] += 100 * (token % 3);
            }
        }
        ParallelMap map = perToken(tokens, 10, 10, 10, 10, 10, 10).measure(ParallelUnits.find());
        assertThat(map.found()).isZero();
        assertThat(map.byOnePrompt()).isEqualTo(15);
        // As prompts, or with tokens of one in several, that is a feature.
        assertThat(activations(tokens).measure(ParallelUnits.find()).found()).isEqualTo(15);
        assertThat(perToken(tokens, 12, 12, 12, 12, 12)
                        .measure(ParallelUnits.find().withLeast(0.8))
                        .found())
                .isEqualTo(15);
    }

    @Test
    void promptsWithoutTokensDoNoHarm() {
        float[][] tokens = noise(20, 3, 8);
        for (float[] token : tokens) {
            token[2] = -token[0];
        }
        ParallelMap map =
                perToken(tokens, 0, 10, 0, 10, 0).measure(ParallelUnits.find().withLeast(0.9));
        assertThat(map.found()).isEqualTo(1);
        // All tokens in one prompt: without it nothing is left.
        assertThat(perToken(tokens, 0, 20, 0, 0).measure(ParallelUnits.find().withLeast(0.9)))
                .matches(one -> one.found() == 0 && one.byOnePrompt() == 1);
        assertThat(perToken(new float[1][3], 1, 0, 0, 0)
                        .measure(ParallelUnits.find())
                        .leftOut())
                .hasSize(3);
    }

    // --- chance

    @Test
    void noiseMakesNoPairs() {
        int some = 0;
        for (int seed = 0; seed < 40; seed++) {
            // So few prompts that the threshold is that of chance.
            ParallelMap map = activations(noise(8, 60, seed)).measure(ParallelUnits.find());
            assertThat(map.least()).isEqualTo(map.chance()).isGreaterThan(0.95);
            some += map.found() + map.byOnePrompt() > 0 ? 1 : 0;
        }
        // At a level of 0.05, 7 of 40 or more have a probability of 0.003.
        assertThat(some).isLessThan(7);
        ParallelMap map = activations(noise(200, 60, 1)).measure(ParallelUnits.find());
        assertThat(map.least()).isEqualTo(0.9);
        assertThat(map.byChance()).isZero();
    }

    @Test
    void promptsOfTheFitAreRefused() {
        Activations all = activations(noise(40, 12, 1));
        Basis basis = all.slice(0, 20).measure(Basis.centred());
        Metric<ParallelMap> metric = ParallelUnits.find().through(basis);
        assertThatThrownBy(() -> all.measure(metric))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("were fitted to 20 of the 40 prompts that are measured")
                .hasMessageContaining("Basis.heldOut");
        assertThat(all.slice(20, 40).measure(metric).leftOut()).isEmpty();
    }

    @Test
    void sparseUnitsMakePairsByChanceAndThatIsTold() {
        Random random = new Random(3);
        float[][] vectors = new float[25][300];
        for (int unit = 0; unit < 300; unit++) {
            int first = random.nextInt(25);
            vectors[first][unit] = 1;
            vectors[(first + 1 + random.nextInt(24)) % 25][unit] = 1;
        }
        ParallelMap map =
                activations(vectors).measure(ParallelUnits.find().withLeast(0.9).withShuffles(20));
        // 44,850 pairs of units, of which each has the same two prompts with a probability of 1 / 300.
        assertThat(map.byChance()).isBetween(130.0, 170.0);
        assertThat((double) map.found()).isBetween(110.0, 190.0);
        assertThat(activations(vectors)
                        .measure(ParallelUnits.find().withShuffles(0))
                        .byChance())
                .isNaN();
        assertThat(activations(vectors)
                        .measure(ParallelUnits.find().withShuffles(0))
                        .toString())
                .contains("not known how many by chance");
    }

    @Test
    void tokensAreTurnedRoundSoThatNeighboursStayAlike() {
        // Units that drift slowly go together by chance far more often than their numbers of tokens would have it.
        Random random = new Random(2);
        float[][] tokens = new float[300][40];
        for (int i = 1; i < tokens.length; i++) {
            for (int unit = 0; unit < 40; unit++) {
                tokens[i][unit] = tokens[i - 1][unit] + (float) random.nextGaussian();
            }
        }
        int[] lengths = new int[30];
        Arrays.fill(lengths, 10);
        ParallelUnits metric = ParallelUnits.find().withLeast(0.7).withShuffles(5);
        assertThat(perToken(tokens, lengths).measure(metric).byChance()).isGreaterThan(20);
        assertThat(activations(tokens).measure(metric).byChance()).isZero();
    }

    // --- what is kept

    @Test
    void theStrongestAreKeptAndAllAreCounted() {
        float[][] vectors = noise(40, 12, 5);
        Random random = new Random(6);
        for (float[] vector : vectors) {
            for (int i = 1; i < 9; i++) {
                vector[i] = (float) (vector[0] + 0.02 * i * random.nextGaussian());
            }
        }
        ParallelMap all = activations(vectors).measure(ParallelUnits.find());
        ParallelMap five = activations(vectors).measure(ParallelUnits.find().withPairs(5));
        assertThat(all.pairs()).hasSize(36);
        assertThat(all.isComplete()).isTrue();
        assertThat(all.groups()).hasSize(1);
        assertThat(five.pairs()).isEqualTo(all.pairs().subList(0, 5));
        assertThat(five.found()).isEqualTo(36);
        assertThat(five.isComplete()).isFalse();
        assertThat(five.toString()).contains("36 pairs", "the strongest 5 are here");
    }

    @Test
    void tilesTogetherHaveEachPairOnce() {
        // More units than a tile has rows; each is one of 50 courses, or its opposite.
        int units = 2100;
        float[][] courses = noise(6, 50, 3);
        float[][] vectors = new float[6][units];
        for (int i = 0; i < 6; i++) {
            for (int unit = 0; unit < units; unit++) {
                vectors[i][unit] = (unit % 3 == 0 ? -1 : 1) * (1 + unit) * courses[i][unit % 50];
            }
        }
        ParallelMap map = activations(vectors)
                .measure(ParallelUnits.find().withLeast(1).withPairs(100_000).withShuffles(0));
        assertThat(map.found()).isEqualTo(50L * (42 * 41 / 2));
        assertThat(map.isComplete()).isTrue();
        assertThat(map.pairs())
                .allMatch(pair -> (pair.unit().inSite() - pair.other().inSite()) % 50 == 0
                        && pair.unit().inSite() < pair.other().inSite());
        assertThat(map.pairs().stream()
                        .map(pair -> List.of(pair.unit().inSite(), pair.other().inSite()))
                        .distinct())
                .hasSize(map.pairs().size());
        assertThat(map.groups()).hasSize(50).allMatch(group -> group.size() == 42);
    }

    @Test
    void sitesAreComparedWithEachOtherOrWithThemselves() {
        float[][] one = noise(30, 4, 1);
        float[][] other = noise(30, 5, 2);
        for (int i = 0; i < 30; i++) {
            one[i][3] = -one[i][0];
            other[i][4] = one[i][0];
        }
        Activations activations = Activations.builder(prompts(30))
                .site(neurons(0, 4), Pooling.mean(), one)
                .site(neurons(1, 5), Pooling.mean(), other)
                .build();
        ParallelMap both = activations.measure(ParallelUnits.find());
        assertThat(both.groups()).hasSize(1);
        assertThat(both.groups().get(0).members())
                .containsExactly(Unit.of(neurons(0, 4), 0), Unit.of(neurons(0, 4), 3), Unit.of(neurons(1, 5), 4));
        assertThat(both.groups().get(0).signs()).containsExactly(1, -1, 1);
        assertThat(activations.measure(ParallelUnits.find().perSite()).values())
                .extracting(ParallelMap::found)
                .containsExactly(1L, 0L);
    }

    // --- contract

    @Test
    void keepsTheContractOfMetrics() {
        MetricContract.of(ParallelUnits.find(), activations(threePairs()))
                .onNaN(map -> {
                    assertThat(inSite(map.leftOut())).containsExactly(0);
                    assertThat(map.found()).isEqualTo(2);
                })
                .verify();
    }

    @Test
    void theSameInWhateverOrderOfPrompts() {
        float[][] vectors = threePairs();
        List<Integer> order =
                new ArrayList<>(IntStream.range(0, vectors.length).boxed().toList());
        Collections.shuffle(order, new Random(1));
        Activations shuffled = Activations.builder(Prompts.of(
                        order.stream().map(prompts(vectors.length)::get).toList()))
                .site(
                        neurons(0, 7),
                        Pooling.mean(),
                        order.stream().map(i -> vectors[i]).toArray(float[][]::new))
                .build();
        ParallelUnits metric = ParallelUnits.find().withLeast(0.51).withShuffles(3);
        assertThat(shuffled.measure(metric)).isEqualTo(activations(vectors).measure(metric));
        assertThat(metric.withSeed(5)).isNotSameAs(metric);
    }

    @Test
    void scaleDoesNotMatter() {
        float[][] vectors = threePairs();
        ParallelMap expected = activations(vectors).measure(ParallelUnits.find());
        for (float[] vector : vectors) {
            for (int i = 0; i < vector.length; i++) {
                vector[i] *= i % 2 == 0 ? 0x1p-100f : 0x1p100f;
            }
        }
        assertThat(activations(vectors).measure(ParallelUnits.find())).isEqualTo(expected);
    }

    @Test
    void withoutUnitsThatVaryThereIsNothing() {
        ParallelMap map = activations(new float[5][3]).measure(ParallelUnits.find());
        assertThat(map.pairs()).isEmpty();
        assertThat(map.groups()).isEmpty();
        assertThat(map.leftOut()).hasSize(3);
        assertThat(map.isComplete()).isTrue();
        assertThat(map.byChance()).isZero();
    }

    @Test
    void whatCannotBeMeasuredIsRefused() {
        assertThatThrownBy(() -> activations(noise(3, 4, 1)).measure(ParallelUnits.find()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("over 3 prompts")
                .hasMessageContaining("at least 4 prompts");
        Activations mixed = Activations.builder(prompts(4))
                .site(neurons(0, 2), Pooling.mean(), noise(4, 2, 1))
                .site(neurons(1, 1), Pooling.none(), noise(4, 3, 2))
                .build();
        assertThatThrownBy(() -> mixed.measure(ParallelUnits.find()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'blocks.1.mlp.hook_post' (pooling none) has 12 vectors")
                .hasMessageContaining("'blocks.0.mlp.hook_post' (pooling mean) has 4 vectors")
                .hasMessageContaining("pool all sites or none");
        Site pattern = new Site(
                "blocks.0.attn.hook_pattern", OptionalInt.of(0), List.of(Axis.heads(1), Axis.QUERY, Axis.KEY), false);
        Activations pairwise = Activations.builder(prompts(4))
                .site(pattern, Pooling.none(), noise(4, 9, 1))
                .build();
        assertThatThrownBy(() -> pairwise.measure(ParallelUnits.find()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'blocks.0.attn.hook_pattern' has a value for each pair of positions");
    }

    @Test
    void weightsOfAnotherModelAreRefused() {
        Activations activations = activations(threePairs());
        assertThatThrownBy(() ->
                        activations.measure(ParallelUnits.find().withWeights(mlp(noise(8, 6, 1), noise(6, 8, 2)))))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("blocks.0.mlp.W_in")
                .hasMessageContaining("'blocks.0.mlp.hook_post', which has 7 units");
        assertThatThrownBy(() -> activations.measure(ParallelUnits.find()
                        .withWeights(Weights.of(List.of(matrix("blocks.1.mlp.W_in", noise(8, 7, 1)))))))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("blocks.0.mlp.W_in");
        Activations magnitudes = Activations.builder(prompts(30))
                .site(heads(2, 3).magnitude(), Pooling.mean(), noise(30, 2, 1))
                .build();
        assertThatThrownBy(() ->
                        magnitudes.measure(ParallelUnits.find().withWeights(mlp(noise(8, 7, 1), noise(7, 8, 2)))))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("blocks.0.attn.hook_z.magnitude")
                .hasMessageContaining("attn.hook_z do");
    }

    @Test
    void wrongSettingsAreRefused() {
        ParallelUnits units = ParallelUnits.find();
        for (double size : new double[] {0.5, 0, -1, 1.1, Double.NaN}) {
            assertThatThrownBy(() -> units.withLeast(size))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("" + size);
        }
        assertThatThrownBy(() -> units.withPairs(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> units.withShuffles(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new UnitGroup(List.of(), List.of(1), 1, 0, 0))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
