package io.modscan.metrics.basis;

import static io.modscan.metrics.basis.BasisGolden.assertClose;
import static io.modscan.metrics.basis.BasisGolden.largest;
import static io.modscan.metrics.basis.BasisGolden.wide;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.MetricContract;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.similarity.Cosine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class BasisTest {

    private static final Site TOKENS = PlantedModel.units("blocks.1.hook_resid_post", 6);

    static Stream<Arguments> golden() {
        return BasisGolden.cases();
    }

    private static float[][] random(Random random, int n, int width) {
        float[][] vectors = new float[n][width];
        for (float[] vector : vectors) {
            for (int i = 0; i < width; i++) {
                vector[i] = (float) random.nextGaussian();
            }
        }
        return vectors;
    }

    private static Activations of(float[]... vectors) {
        return PlantedModel.of(Collections.nCopies(vectors.length, "a"), vectors);
    }

    /** Prompts of 150 to 157 tokens whose vectors have six coordinates with means far larger than their deviations. */
    private static Activations tokens(int prompts, Random random) {
        List<Prompt> all = new ArrayList<>();
        float[][] rows = new float[prompts][];
        for (int i = 0; i < prompts; i++) {
            int length = 150 + i % 8;
            all.add(Prompt.ofTokens(
                    "p" + i,
                    IntStream.range(0, length).map(t -> t == 0 ? 2 : 10).toArray()));
            rows[i] = new float[length * 6];
            for (int at = 0; at < rows[i].length; at++) {
                int j = at % 6;
                // The means drift from prompt to prompt.
                rows[i][at] = (float) (100 * j + i + (j + 1) * random.nextGaussian() + 3 * (at / 6 % 2));
            }
        }
        return Activations.builder(Prompts.of(all))
                .site(TOKENS, Pooling.none(), rows)
                .provenance(Map.of("model.bos_token_id", "2"))
                .build();
    }

    private static boolean same(Basis a, Basis b) {
        boolean same = a.rank() == b.rank()
                && a.samples() == b.samples()
                && a.leftOut() == b.leftOut()
                && near(a.mean(), b.mean(), 1e-9);
        for (int i = 0; same && i < a.rank(); i++) {
            same = Math.abs(a.variance(i) - b.variance(i)) <= 1e-11 * a.variance(0)
                    && near(a.component(i), b.component(i), 1e-7);
        }
        return same;
    }

    private static boolean near(double[] a, double[] b, double tolerance) {
        return IntStream.range(0, a.length).allMatch(i -> Math.abs(a[i] - b[i]) <= tolerance);
    }

    // --- what NumPy and scikit-learn say
    // ------------------------------------------------------------------------------------------

    @ParameterizedTest(name = "{0}")
    @MethodSource("golden")
    void agreesWithNumpy(String name, Map<String, Object> golden) {
        Activations activations = BasisGolden.activations(golden);
        double loose = golden.get("loose") == null ? 1e-9 : Golden.number(golden.get("loose"));
        for (Basis.Kind kind : Basis.Kind.values()) {
            Basis basis = activations.measure(Basis.fit(kind));
            String decomposed = kind == Basis.Kind.UNCENTRED ? "uncentred" : "centred";
            Map<?, ?> spectrum = BasisGolden.part(golden, decomposed);
            assertSpectrum(basis, spectrum, loose);
            double[] mean = Golden.doubles(golden.get("mean"));
            assertClose(basis.mean(), mean, 1e-12 * largest(mean));
            Object coordinates = switch (kind) {
                case UNCENTRED, CENTRED -> spectrum.get("coordinates");
                case WHITENED -> golden.get("whitened");
                case ZCA -> golden.get("zca");
            };
            if (basis.size() > 0) {
                assertViews(activations, basis, Golden.matrix(coordinates), loose);
            }
        }
    }

    private static void assertSpectrum(Basis basis, Map<?, ?> golden, double loose) {
        double[] values = Golden.doubles(golden.get("values"));
        double[][] components = Golden.matrix(golden.get("components"));
        assertThat(basis.rank()).isEqualTo(values.length);
        assertClose(
                IntStream.range(0, basis.rank()).mapToDouble(basis::variance).toArray(),
                values,
                1e-12 * largest(values));
        for (int i = 0; i < basis.rank(); i++) {
            assertClose(basis.component(i), components[i], loose);
            assertThat(basis.explainedShare(i + 1))
                    .isCloseTo(Golden.doubles(golden.get("explained"))[i], within(1e-12));
        }
        assertClose(
                new double[] {basis.effectiveRank()}, new double[] {Golden.number(golden.get("effectiveRank"))}, 1e-11);
    }

    private static void assertViews(Activations activations, Basis basis, double[][] coordinates, double loose) {
        SiteActivations raw = activations.onlySite();
        SiteActivations seen = basis.apply(activations).at(raw.site().name() + "[" + basis.kind() + "]");
        assertThat(seen.site().width()).isEqualTo(basis.size());
        SiteActivations back =
                basis.back().apply(basis.apply(activations)).at(raw.site().name());
        double largest = Arrays.stream(coordinates)
                .mapToDouble(BasisGolden::largest)
                .max()
                .orElseThrow();
        double largestRaw = IntStream.range(0, raw.size())
                .mapToDouble(i -> largest(wide(raw.vector(i))))
                .max()
                .orElseThrow();
        for (int i = 0; i < coordinates.length; i++) {
            assertClose(wide(seen.vector(i)), coordinates[i], (loose + 3e-7) * largest + Float.MIN_VALUE);
            assertClose(wide(basis.project(raw.vector(i))), wide(seen.vector(i)), 2e-7 * largest + Float.MIN_VALUE);
            // Every vector of the fit lies on the span.
            assertClose(wide(back.vector(i)), wide(raw.vector(i)), 2e-6 * largestRaw + 4 * Float.MIN_VALUE);
            assertClose(wide(basis.restore(seen.vector(i))), wide(back.vector(i)), 2e-7 * largestRaw + Float.MIN_VALUE);
        }
    }

    // --- the contract, and moments of many vectors
    // --------------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource(Basis.Kind.class)
    void keepsTheContractOnFewVectors(Basis.Kind kind) {
        MetricContract.of(Basis.fit(kind), of(random(new Random(3), 24, 5)))
                .comparing(BasisTest::same)
                .onNaN(basis -> {
                    assertThat(basis.leftOut()).isEqualTo(1);
                    assertThat(basis.samples()).isEqualTo(23);
                    assertThat(basis.rank()).isEqualTo(5);
                })
                .verify();
    }

    @ParameterizedTest
    @EnumSource(Basis.Kind.class)
    void keepsTheContractOnManyTokens(Basis.Kind kind) {
        MetricContract.of(Basis.fit(kind), tokens(14, new Random(4)))
                .comparing(BasisTest::same)
                .onNaN(basis -> assertThat(basis.leftOut()).isEqualTo(1))
                .verify();
    }

    @ParameterizedTest
    @EnumSource(
            value = Basis.Kind.class,
            names = {"UNCENTRED", "CENTRED", "WHITENED"})
    void someComponentsAreTheFirstOfAll(Basis.Kind kind) {
        // More vectors than coordinates, and fewer, which are decomposed by themselves.
        for (int n : new int[] {700, 12}) {
            Activations activations = of(random(new Random(7), n, 30));
            Basis all = activations.measure(Basis.fit(kind));
            Basis some = activations.measure(Basis.fit(kind, 3));
            assertThat(some.rank()).isEqualTo(3);
            assertThat(some.size()).isEqualTo(3);
            for (int i = 0; i < 3; i++) {
                assertThat(some.variance(i)).isCloseTo(all.variance(i), within(1e-13 * all.variance(0)));
                assertClose(some.component(i), all.component(i), 1e-9);
                assertThat(some.explainedShare(i + 1)).isCloseTo(all.explainedShare(i + 1), within(1e-12));
            }
            assertThat(some.explainedShare(0)).isZero();
            assertThat(some.effectiveRank()).isNaN();
            SiteActivations seen = some.apply(activations).onlySite();
            SiteActivations whole = all.apply(activations).onlySite();
            for (int i = 0; i < n; i++) {
                assertClose(wide(seen.vector(i)), Arrays.copyOf(wide(whole.vector(i)), 3), 1e-5);
            }
            Basis enough = activations.measure(Basis.fit(kind, 100));
            assertThat(enough.rank()).isEqualTo(all.rank());
            assertThat(enough.effectiveRank()).isEqualTo(all.effectiveRank());
        }
    }

    @Test
    void refusesANumberOfComponentsThatMeansNothing() {
        assertThatThrownBy(() -> Basis.fit(Basis.Kind.CENTRED, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1 component at least, not 0");
        assertThatThrownBy(() -> Basis.fit(Basis.Kind.ZCA, 3))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("ZCA takes all components");
    }

    @Test
    void aMeanFarFromZeroTakesNoDigitsFromTheVariance() {
        // 1500 vectors of 40 coordinates: enough for the service of products, and for several blocks.
        Random random = new Random(5);
        float[][] near = new float[1500][40];
        float[][] far = new float[1500][40];
        for (int i = 0; i < 1500; i++) {
            for (int j = 0; j < 40; j++) {
                // Whole numbers, so that adding 2²² rounds nothing.
                near[i][j] = Math.round(100 * (1 + j / 10.0) * random.nextGaussian());
                far[i][j] = near[i][j] + (1 << 22);
            }
        }
        Basis ofNear = of(near).measure(Basis.centred());
        Basis ofFar = of(far).measure(Basis.centred());
        for (int i = 0; i < 40; i++) {
            assertThat(ofFar.variance(i)).isCloseTo(ofNear.variance(i), within(1e-12 * ofNear.variance(0)));
            assertClose(ofFar.component(i), ofNear.component(i), 1e-9);
            assertThat(ofFar.mean()[i] - (1 << 22)).isCloseTo(ofNear.mean()[i], within(1e-8));
        }
    }

    @Test
    void manyVectorsGiveTheCovariance() {
        Activations tokens = tokens(20, new Random(6));
        Basis basis = tokens.measure(Basis.centred());
        SiteActivations site = tokens.onlySite();
        double[] mean = new double[6];
        double[][] covariance = new double[6][6];
        List<float[]> vectors = new ArrayList<>();
        for (int i = 0; i < site.size(); i++) {
            for (int t = 0; t < tokens.tokenIds(i).length; t++) {
                vectors.add(site.vector(i, t));
            }
        }
        vectors.forEach(x -> IntStream.range(0, 6).forEach(j -> mean[j] += x[j] / (double) vectors.size()));
        vectors.forEach(x -> {
            for (int j = 0; j < 36; j++) {
                covariance[j / 6][j % 6] += (x[j / 6] - mean[j / 6]) * (x[j % 6] - mean[j % 6]) / vectors.size();
            }
        });
        assertThat(basis.samples()).isEqualTo(vectors.size()).isGreaterThan(2 * 512);
        assertClose(basis.mean(), mean, 1e-10);
        for (int j = 0; j < 36; j++) {
            double rebuilt = 0;
            for (int i = 0; i < 6; i++) {
                rebuilt += basis.variance(i) * basis.component(i)[j / 6] * basis.component(i)[j % 6];
            }
            assertThat(rebuilt).isCloseTo(covariance[j / 6][j % 6], within(1e-11 * basis.variance(0)));
        }
    }

    @Test
    void fewVectorsOfManyCoordinatesGiveTheSameAsTheLargeMatrix() {
        // 300 vectors wait and are decomposed themselves; with NaN ones between nothing changes; 600 times the same go
        // through sums.
        float[][] few = random(new Random(7), 300, 520);
        float[][] twice = Stream.concat(Arrays.stream(few), Arrays.stream(few)).toArray(float[][]::new);
        Basis ofFew = of(few).measure(Basis.uncentred());
        Basis ofTwice = of(twice).measure(Basis.uncentred());
        assertThat(ofFew.rank()).isEqualTo(300);
        assertThat(ofTwice.rank()).isEqualTo(300);
        for (int i = 0; i < 300; i += 13) {
            assertThat(ofTwice.variance(i)).isCloseTo(ofFew.variance(i), within(1e-12 * ofFew.variance(0)));
            assertClose(ofTwice.component(i), ofFew.component(i), 1e-8);
        }
    }

    // --- what it is good for
    // ------------------------------------------------------------------------------------------------------

    @Test
    void coordinatesAreOrthogonalAsFunctionsOverTheData() {
        Activations activations = of(random(new Random(8), 50, 6));
        for (Basis.Kind kind : Basis.Kind.values()) {
            Basis basis = activations.measure(Basis.fit(kind));
            SiteActivations seen = basis.apply(activations).at("site[" + kind + "]");
            for (int a = 0; a < 6; a++) {
                for (int b = 0; b < 6; b++) {
                    double moment = 0;
                    for (int i = 0; i < 50; i++) {
                        moment += (double) seen.vector(i)[a] * seen.vector(i)[b] / 50;
                    }
                    boolean white = kind == Basis.Kind.WHITENED || kind == Basis.Kind.ZCA;
                    double expected = a != b ? 0 : white ? 1 : basis.variance(a);
                    assertThat(moment).isCloseTo(expected, within(1e-6));
                }
            }
        }
    }

    @Test
    void cosinesAreTheSameInACompleteUncentredBasis() {
        Activations activations = of(random(new Random(9), 20, 6));
        Basis basis = activations.measure(Basis.uncentred());
        var raw = activations.measure(Cosine.pairwise());
        var seen = activations.measure(Cosine.pairwise().through(basis));
        var back = activations.measure(Cosine.pairwise().through(basis.back()).through(basis));
        for (int i = 0; i < 20; i++) {
            for (int j = 0; j < 20; j++) {
                assertThat(seen.get(i, j)).isCloseTo(raw.get(i, j), within(1e-6));
                assertThat(back.get(i, j)).isCloseTo(raw.get(i, j), within(1e-6));
            }
        }
    }

    @Test
    void weightsAreTakenAlong() {
        float[][] vectors = random(new Random(10), 9, 12);
        Activations activations = of(vectors);
        float[][] readers = random(new Random(11), 3, 12);
        float[][] writers = random(new Random(12), 2, 12);
        for (Basis.Kind kind : Basis.Kind.values()) {
            Basis basis = activations.measure(Basis.fit(kind));
            float[][] read = basis.readWeights(readers);
            float[][] written = basis.writeWeights(writers);
            assertThat(read).hasDimensions(3, basis.size());
            assertThat(written).hasDimensions(2, basis.size());
            for (float[] vector : vectors) {
                for (int w = 0; w < 3; w++) {
                    double constant = kind == Basis.Kind.UNCENTRED ? 0 : dot(readers[w], basis.mean());
                    double inBasis = dot(read[w], wide(basis.project(vector))) + constant;
                    assertThat(inBasis).isCloseTo(dot(readers[w], wide(vector)), within(1e-5));
                }
                float[] moved = vector.clone();
                for (int i = 0; i < moved.length; i++) {
                    moved[i] += 2 * writers[1][i];
                }
                double[] grown = wide(basis.project(vector));
                for (int k = 0; k < grown.length; k++) {
                    grown[k] += 2 * written[1][k];
                }
                assertClose(wide(basis.project(moved)), grown, 2e-5);
            }
        }
    }

    private static double dot(float[] a, double[] b) {
        return IntStream.range(0, a.length).mapToDouble(i -> a[i] * b[i]).sum();
    }

    @Test
    void whatIsOffTheSpanIsLost() {
        Basis basis = of(new float[] {1, 1, 0}, new float[] {2, 2, 0}).measure(Basis.uncentred());
        assertThat(basis.rank()).isEqualTo(1);
        assertClose(wide(basis.restore(basis.project(new float[] {3, 1, 7}))), new double[] {2, 2, 0}, 1e-6);
    }

    @Test
    void oppositeEntriesGetAFixedSign() {
        Basis basis = of(new float[] {1, -1}, new float[] {-2, 2}, new float[] {0.1f, 0.1f})
                .measure(Basis.uncentred());
        double half = Math.sqrt(0.5);
        assertClose(basis.component(0), new double[] {half, -half}, 1e-12);
        assertClose(basis.component(1), new double[] {half, half}, 1e-12);
    }

    // --- sites
    // --------------------------------------------------------------------------------------------------------------------

    @Test
    void aSiteWithHeadsIsOneVectorOrABasisAHead() {
        Site z = PlantedModel.heads("blocks.0.attn.hook_z", 2, 3);
        Site other = PlantedModel.units("other", 2);
        float[][] vectors = random(new Random(13), 10, 6);
        Activations both = new PlantedModel()
                .with(z, vectors)
                .with(other, random(new Random(14), 10, 2))
                .capture(Collections.nCopies(10, "a"));
        Basis whole = both.at(z).measure(Basis.centred());
        assertThat(whole.rank()).isEqualTo(6);
        Activations seen = whole.apply(both);
        assertThat(seen.sites())
                .extracting(SiteActivations::site)
                .extracting(Site::name)
                .containsExactly("blocks.0.attn.hook_z[centred]", "other");
        Site coordinates = seen.sites().get(0).site();
        assertThat(coordinates).isEqualTo(whole.projectedSite());
        assertThat(coordinates.heads()).isZero();
        assertThat(coordinates.layer()).hasValue(0);
        assertThat(seen.at("other").vector(3)).isEqualTo(both.at("other").vector(3));
        assertThat(whole.back().apply(seen).at(z).head(1).vector(4)).hasSize(3);

        Map<Site, Basis> heads = both.at(z).measure(Basis.centred().perHead());
        Site second = both.at(z).head(1).site();
        Basis ofSecond = Objects.requireNonNull(heads.get(second));
        assertThat(ofSecond.rank()).isEqualTo(3);
        assertThat(ofSecond.apply(both.at(z).head(1).alone()).onlySite().site().name())
                .isEqualTo("blocks.0.attn.hook_z[1][centred]");
    }

    @Test
    void tokensCanBeSeenAndPooledInABasis() {
        Activations tokens = tokens(5, new Random(15));
        Basis basis = tokens.measure(Basis.whitened());
        assertThat(basis.samples())
                .isEqualTo(IntStream.range(0, 5)
                        .map(i -> tokens.tokenIds(i).length)
                        .sum());
        SiteActivations seen = basis.apply(tokens).onlySite();
        assertThat(seen.pooling()).isEqualTo(Pooling.none());
        assertClose(
                wide(seen.vector(2, 7)), wide(basis.project(tokens.onlySite().vector(2, 7))), 1e-6);
        // A linear map and a mean may change places.
        Activations pooledFirst = basis.apply(tokens.pooled(Pooling.mean()));
        Activations pooledLast = basis.apply(tokens).pooled(Pooling.mean());
        for (int i = 0; i < 5; i++) {
            assertClose(
                    wide(pooledFirst.onlySite().vector(i)),
                    wide(pooledLast.onlySite().vector(i)),
                    1e-4);
        }
    }

    @Test
    void bosCanBeLeftOut() {
        Site site = PlantedModel.units("site", 1);
        Activations tokens = Activations.builder(Prompts.of(
                        List.of(Prompt.ofTokens("a", 2, 5, 6), Prompt.ofTokens("b", 7, 8), Prompt.ofTokens("c", 2))))
                .site(site, Pooling.none(), new float[] {100, 1, 2}, new float[] {3, 4}, new float[] {100})
                .provenance(Map.of("model.bos_token_id", "2"))
                .build();
        Basis basis = tokens.measure(Basis.centred().through(Activations::withoutBos));
        assertThat(basis.samples()).isEqualTo(4);
        assertThat(basis.mean()).containsExactly(2.5);
        assertThat(basis.variance(0)).isEqualTo(1.25);
        assertThat(basis.site()).isEqualTo(site);
        Activations rest = tokens.withoutBos();
        assertThat(rest.onlySite().row(0).capacity()).isEqualTo(2);
        assertThat(basis.apply(rest).onlySite().row(2).capacity()).isZero();
        Activations pooled = of(new float[] {1}, new float[] {2});
        assertThat(pooled.withoutBos().onlySite().vector(0)).containsExactly(1);
    }

    // --- odd input
    // ----------------------------------------------------------------------------------------------------------------

    @Test
    void aFitWithoutAnyFiniteVectorHasRankZero() {
        Basis basis = of(new float[] {Float.NaN, 1}, new float[] {Float.NEGATIVE_INFINITY, 1})
                .measure(Basis.uncentred());
        assertThat(basis.samples()).isZero();
        assertThat(basis.leftOut()).isEqualTo(2);
        assertThat(basis.rank()).isZero();
        assertThat(basis.mean()).containsOnly(Double.NaN);
        assertThat(basis.explainedShare(0)).isNaN();
        assertThat(basis.effectiveRank()).isNaN();
    }

    @Test
    void rankZeroHasNoCoordinates() {
        Activations one = of(new float[] {3, 4});
        Basis basis = one.measure(Basis.centred());
        assertThat(basis.rank()).isZero();
        assertThat(basis.project(new float[] {1, 2})).isEmpty();
        assertThat(basis.restore(new float[0])).containsExactly(3, 4);
        assertThat(basis.readWeights(new float[][] {{1, 2}})).hasDimensions(1, 0);
        assertThatThrownBy(() -> basis.apply(one))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("centred basis of 'site' has rank 0");
        Basis zca = one.measure(Basis.zca());
        assertThat(zca.size()).isEqualTo(2);
        assertThat(zca.project(new float[] {1, 2})).containsExactly(0, 0);
    }

    @Test
    void aVectorWithNanHasNoFiniteCoordinatesAndSpoilsNoOther() {
        Activations good = of(random(new Random(16), 6, 2));
        Basis basis = good.measure(Basis.centred());
        Activations seen = basis.apply(of(new float[] {Float.NaN, 0}, new float[] {1, 2}));
        assertThat(seen.onlySite().vector(0)).containsOnly(Float.NaN);
        assertThat(seen.onlySite().vector(1)).isEqualTo(basis.project(new float[] {1, 2}));
    }

    @Test
    void badInputIsRefused() {
        Activations activations = of(random(new Random(17), 6, 2));
        Basis basis = activations.measure(Basis.centred());
        Activations other = new PlantedModel()
                .with(PlantedModel.units("elsewhere", 2), random(new Random(18), 1, 2))
                .capture(List.of("a"));
        assertThatThrownBy(() -> basis.apply(other))
                .isInstanceOf(ModscanException.class)
                .hasMessage("the centred basis is of 'site'; here there are [elsewhere]");
        assertThatThrownBy(() -> basis.back().apply(activations))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("is of 'site[centred]'; here there are [site]");
        assertThatThrownBy(() -> basis.apply(of(new float[] {1, 2, 3})))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("here that site has the axes");
        assertThatThrownBy(() -> basis.project(new float[3])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> basis.restore(new float[1])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> basis.readWeights(new float[][] {{1, 2}, {1}}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("row 1 has 1 weights; the vectors that it reads or writes have 2 values");
        assertThatThrownBy(() -> basis.component(2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> basis.variance(-1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> basis.explainedShare(3)).isInstanceOf(IndexOutOfBoundsException.class);
        Site pattern = new Site("pattern", OptionalInt.of(0), List.of(Axis.QUERY, Axis.KEY), false);
        Activations pairs = Activations.builder(Prompts.of("a"))
                .site(pattern, Pooling.none(), new float[] {1, 0, 0, 1})
                .build();
        assertThatThrownBy(() -> pairs.measure(Basis.centred()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("pair of positions");
        Activations wide = of(new float[46_341]);
        assertThatThrownBy(() -> wide.measure(Basis.centred()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("at most 46340");
    }

    @Test
    void theSameInputGivesTheSameBits() {
        Activations activations = of(random(new Random(19), 700, 40));
        Basis first = activations.measure(Basis.centred());
        Basis second = activations.measure(Basis.centred());
        for (int i = 0; i < 40; i++) {
            assertThat(first.component(i)).isEqualTo(second.component(i));
            assertThat(first.variance(i)).isEqualTo(second.variance(i));
        }
        assertThat(first).hasToString("Basis[centred, site, rank 40 of 40, 700 vectors]");
    }
}
