package io.modscan.metrics.subspace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.internal.linear.Dot;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SubspaceTest {

    private static final String GOLDEN = "subspace.json";

    static Stream<Map<String, Object>> angles() {
        return Golden.cases(GOLDEN, "angles");
    }

    static Stream<Map<String, Object>> leading() {
        return Golden.cases(GOLDEN, "leading");
    }

    static Stream<Map<String, Object>> labelMeans() {
        return Golden.cases(GOLDEN, "labelMeans");
    }

    // ---- angles and overlap ----

    @ParameterizedTest
    @MethodSource("angles")
    void anglesAreThoseOfNumPyAndSciPy(Map<String, Object> golden) {
        Subspace a = Subspace.of(Golden.matrix(golden.get("a")));
        Subspace b = Subspace.of(Golden.matrix(golden.get("b")));
        assertThat(a.dimension()).isEqualTo(Golden.integer(golden.get("rankA")));
        assertThat(b.dimension()).isEqualTo(Golden.integer(golden.get("rankB")));
        double[] expected = Golden.doubles(golden.get("angles"));
        for (double[] angles : List.of(a.anglesTo(b), b.anglesTo(a))) {
            assertThat(angles).hasSameSizeAs(expected).isSorted();
            for (int i = 0; i < angles.length; i++) {
                assertThat(angles[i]).isCloseTo(expected[i], within(4e-15 + 1e-12 * expected[i]));
            }
        }
        assertThat(a.overlap(b)).isCloseTo(Golden.number(golden.get("overlap")), within(1e-12));
        assertThat(b.overlap(a)).isCloseTo(Golden.number(golden.get("overlap")), within(1e-12));
        assertThat(a.expectedOverlap(b)).isCloseTo(Golden.number(golden.get("expected")), within(1e-15));
        assertOrthonormal(a);
        assertOrthonormal(b);
    }

    private static void assertOrthonormal(Subspace subspace) {
        double[][] basis = subspace.basis();
        for (int i = 0; i < basis.length; i++) {
            for (int j = 0; j < basis.length; j++) {
                assertThat(Dot.of(basis[i], basis[j])).isCloseTo(i == j ? 1 : 0, within(1e-13));
            }
        }
    }

    @Test
    void anAngleOfATrillionthIsNotLost() {
        Subspace a = Subspace.of(new double[] {1, 0, 0});
        Subspace b = Subspace.of(new double[] {1, 1e-12, 0});
        assertThat(a.anglesTo(b)[0]).isCloseTo(1e-12, within(1e-27));
        assertThat(a.anglesTo(a)[0]).isZero();
        assertThat(a.overlap(a)).isEqualTo(1);
    }

    @Test
    void randomSubspacesOverlapAsExpected() {
        Random random = new Random(3);
        double sum = 0;
        int draws = 2000;
        for (int i = 0; i < draws; i++) {
            Subspace a = Subspace.of(normal(random, 3, 12));
            Subspace b = Subspace.of(normal(random, 5, 12));
            sum += a.overlap(b);
            assertThat(a.expectedOverlap(b)).isEqualTo(5 / 12.0);
        }
        // Its standard deviation is about 0.1.
        assertThat(sum / draws).isCloseTo(5 / 12.0, within(5 * 0.1 / Math.sqrt(draws)));
    }

    @Test
    void aDirectionCountsWhateverItsLength() {
        Subspace wide = Subspace.of(new double[] {1e-200, 0, 0}, new double[] {1e200, 1e200, 0}, new double[3]);
        assertThat(wide.dimension()).isEqualTo(2);
        assertThat(wide.overlap(Subspace.of(new double[] {0, Double.MIN_VALUE, 0})))
                .isCloseTo(1, within(1e-15));
    }

    @Test
    void whatFloatRoundingLeavesIsNoDirection() {
        float[] a = {0.1f, 0.7f, -0.3f};
        float[] b = {0.9f, -0.2f, 0.4f};
        float[] both = new float[3];
        for (int i = 0; i < 3; i++) {
            both[i] = a[i] / 3 + b[i] / 7;
        }
        assertThat(Subspace.of(a, b, both).dimension()).isEqualTo(2);
        assertThat(Subspace.of(a, b, new float[] {1, 1, 1}).dimension()).isEqualTo(3);
    }

    @Test
    void nothingHasNoAngles() {
        Subspace nothing = Subspace.of(new double[4]);
        Subspace line = Subspace.of(new double[] {0, 1, 0, 0});
        assertThat(nothing).hasToString("Subspace[0 of 4 dimensions]");
        assertThat(nothing.width()).isEqualTo(4);
        assertThat(nothing.basis()).isEmpty();
        assertThat(nothing.anglesTo(line)).isEmpty();
        assertThat(line.overlap(nothing)).isNaN();
        assertThat(line.expectedOverlap(nothing)).isNaN();
    }

    @Test
    void theBasisIsACopy() {
        Subspace line = Subspace.of(new double[] {0, -2});
        line.basis()[0][1] = 5;
        assertThat(line.basis()).isDeepEqualTo(new double[][] {{0, 1}});
    }

    @Test
    void saysWhatIsWrongWithDirections() {
        assertThatThrownBy(() -> Subspace.of(new double[0][])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Subspace.of(new float[0])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Subspace.of(new double[] {1, 2}, new double[] {1}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("direction 1 has 1 coordinates and the first one 2");
        for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
            assertThatThrownBy(() -> Subspace.of(new float[] {1, 2}, new float[] {1, bad}))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("direction 1");
        }
        Subspace two = Subspace.of(new double[] {1, 2});
        Subspace three = Subspace.of(new double[] {1, 2, 3});
        assertThatThrownBy(() -> two.anglesTo(three))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 coordinates and one of 3");
        assertThatThrownBy(() -> two.overlap(three)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> two.expectedOverlap(three)).isInstanceOf(IllegalArgumentException.class);
    }

    // ---- measured ----

    @ParameterizedTest
    @MethodSource("leading")
    void leadingDirectionsAreThoseOfNumPy(Map<String, Object> golden) {
        float[][] vectors = Golden.vectors(golden.get("vectors"));
        int k = Golden.integer(golden.get("k"));
        Activations activations = PlantedModel.of(Collections.nCopies(vectors.length, "a"), vectors);
        assertProjector(activations.measure(Subspace.leading(k)), golden.get("centred"));
        assertProjector(activations.measure(Subspace.leadingUncentred(k)), golden.get("uncentred"));
    }

    private static void assertProjector(Subspace actual, @Nullable Object expected) {
        Map<?, ?> golden = (Map<?, ?>) Objects.requireNonNull(expected);
        assertThat(actual.dimension()).isEqualTo(Golden.integer(golden.get("dimension")));
        double[][] projector = Golden.matrix(golden.get("projector"));
        double[][] basis = actual.basis();
        assertThat(actual.width()).isEqualTo(projector.length);
        for (int i = 0; i < projector.length; i++) {
            for (int j = 0; j < projector.length; j++) {
                double sum = 0;
                for (double[] direction : basis) {
                    sum += direction[i] * direction[j];
                }
                assertThat(sum).isCloseTo(projector[i][j], within(1e-9));
            }
        }
        assertOrthonormal(actual);
    }

    @ParameterizedTest
    @MethodSource("labelMeans")
    void labelMeansSpanWhatNumPySays(Map<String, Object> golden) {
        Activations activations =
                PlantedModel.of(Golden.strings(golden.get("labels")), Golden.vectors(golden.get("vectors")));
        Subspace subspace = activations.measure(Subspace.ofLabelMeans("topic"));
        assertProjector(subspace, golden);
    }

    @Test
    void equalMeansSpanNothing() {
        Activations activations = PlantedModel.of(
                List.of("a", "b", "a", "b", "a", "b"),
                new float[] {0.1f, 3},
                new float[] {0.2f, 5},
                new float[] {0.2f, 7},
                new float[] {0.4f, 3},
                new float[] {0.4f, 5},
                new float[] {0.1f, 7});
        assertThat(activations.measure(Subspace.ofLabelMeans("topic")).dimension())
                .isZero();
        assertThat(activations.measure(Subspace.leading(2).byLabel("topic")).values())
                .allMatch(subspace -> subspace.dimension() == 2);
    }

    @Test
    void plantedDirectionsAreFound() {
        Random random = new Random(5);
        int n = 60;
        float[][] vectors = new float[n][16];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < 16; j++) {
                vectors[i][j] = (float) (0.01 * random.nextGaussian() + 4);
            }
            // Two labels vary along coordinates of their own, and share one.
            vectors[i][i % 2 == 0 ? 2 : 9] += (float) (3 * random.nextGaussian());
            vectors[i][5] += (float) (2 * random.nextGaussian());
        }
        List<String> labels =
                IntStream.range(0, n).mapToObj(i -> i % 2 == 0 ? "even" : "odd").toList();
        Map<String, Subspace> byLabel =
                PlantedModel.of(labels, vectors).measure(Subspace.leading(2).byLabel("topic"));
        Subspace even = Objects.requireNonNull(byLabel.get("even"));
        Subspace odd = Objects.requireNonNull(byLabel.get("odd"));
        assertThat(even.overlap(axes(16, 2, 5))).isGreaterThan(0.999);
        assertThat(odd.overlap(axes(16, 5, 9))).isGreaterThan(0.999);
        assertThat(even.overlap(odd)).isCloseTo(0.5, within(0.01));
        assertThat(even.anglesTo(odd)[0]).isLessThan(0.05);
        assertThat(even.anglesTo(odd)[1]).isGreaterThan(1.5);
    }

    static Subspace axes(int width, int... which) {
        double[][] directions = new double[which.length][width];
        for (int i = 0; i < which.length; i++) {
            directions[i][which[i]] = 1;
        }
        return Subspace.of(directions);
    }

    @Test
    void eachHeadByItself() {
        Random random = new Random(6);
        float[][] vectors = floats(normal(random, 12, 6));
        Activations activations = new PlantedModel()
                .with(PlantedModel.heads("z", 2, 3), vectors)
                .with(PlantedModel.units("resid", 6), vectors)
                .capture(Collections.nCopies(12, "a"));
        Map<Site, Subspace> perHead = activations
                .only(site -> site.name().equals("z"))
                .measure(Subspace.leading(2).perHead());
        assertThat(perHead.keySet()).extracting(Site::name).containsExactly("z[0]", "z[1]");
        assertThat(perHead.values()).allMatch(subspace -> subspace.width() == 3 && subspace.dimension() == 2);
        assertThat(activations.measure(Subspace.leading(2).perSite()).values())
                .allMatch(subspace -> subspace.width() == 6);
    }

    @Test
    void keepsTheContract() {
        List<String> labels = IntStream.range(0, 21).mapToObj(i -> "t" + i % 3).toList();
        Activations sample = PlantedModel.of(labels, floats(normal(new Random(8), 21, 7)));
        for (Metric<Subspace> metric :
                List.of(Subspace.leading(3), Subspace.leadingUncentred(3), Subspace.ofLabelMeans("topic"))) {
            MetricContract.of(metric, sample)
                    .comparing((a, b) -> a.dimension() == b.dimension() && a.anglesTo(b)[a.dimension() - 1] < 1e-12)
                    .verify();
        }
    }

    @Test
    void saysWhatIsWrongWithActivations() {
        Activations missing = PlantedModel.of(List.of("a", "b"), new float[] {1, 2}, new float[] {3, Float.NaN});
        Activations infinite =
                PlantedModel.of(List.of("a", "b"), new float[] {1, 2}, new float[] {3, Float.POSITIVE_INFINITY});
        Activations perToken = new PlantedModel()
                .with(PlantedModel.units("site", 1), new float[] {1})
                .capture(Pooling.none(), List.of("a"));
        for (Metric<Subspace> metric :
                List.of(Subspace.leading(1), Subspace.leadingUncentred(1), Subspace.ofLabelMeans("topic"))) {
            assertThatThrownBy(() -> missing.measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContainingAll("site of the prompt 'p1' has the value NaN at 1", "activations.where");
            assertThatThrownBy(() -> infinite.measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("Infinity");
            assertThatThrownBy(() -> perToken.measure(metric))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("Pooling.mean()");
        }
        assertThatThrownBy(() -> Subspace.leading(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Subspace.leadingUncentred(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> missing.measure(Subspace.ofLabelMeans("language")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'language'");
    }

    static double[][] normal(Random random, int rows, int columns) {
        double[][] values = new double[rows][columns];
        for (double[] row : values) {
            for (int j = 0; j < columns; j++) {
                row[j] = random.nextGaussian();
            }
        }
        return values;
    }

    static float[][] floats(double[][] values) {
        float[][] floats = new float[values.length][];
        for (int i = 0; i < values.length; i++) {
            floats[i] = new float[values[i].length];
            for (int j = 0; j < values[i].length; j++) {
                floats[i][j] = (float) values[i][j];
            }
        }
        return floats;
    }
}
