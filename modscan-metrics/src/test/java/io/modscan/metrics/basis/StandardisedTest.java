package io.modscan.metrics.basis;

import static io.modscan.metrics.basis.BasisGolden.assertClose;
import static io.modscan.metrics.basis.BasisGolden.largest;
import static io.modscan.metrics.basis.BasisGolden.wide;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.MetricContract;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StandardisedTest {

    static Stream<Arguments> golden() {
        return BasisGolden.cases();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("golden")
    void agreesWithScikitLearn(String name, Map<String, Object> golden) {
        Activations activations = BasisGolden.activations(golden);
        Standardised standardised = activations.measure(Standardised.fit());
        double[] means = Golden.doubles(golden.get("mean"));
        double[] deviations = Golden.doubles(golden.get("deviation"));
        double tolerance = 1e-12 * largest(means) + 1e-12 * largest(deviations);
        int width = means.length;
        assertClose(IntStream.range(0, width).mapToDouble(standardised::mean).toArray(), means, tolerance);
        assertClose(
                IntStream.range(0, width)
                        .mapToDouble(standardised::standardDeviation)
                        .toArray(),
                deviations,
                tolerance);
        double[][] expected = Golden.matrix(golden.get("standardised"));
        SiteActivations seen = standardised.apply(activations).at("site[standardised]");
        for (int i = 0; i < expected.length; i++) {
            assertClose(wide(seen.vector(i)), expected[i], 1e-6);
        }
    }

    @Test
    void keepsTheContract() {
        Random random = new Random(1);
        float[][] vectors = new float[20][3];
        for (float[] vector : vectors) {
            vector[0] = (float) (1e4 + random.nextGaussian());
            vector[1] = 0.1f;
            vector[2] = (float) random.nextGaussian();
        }
        MetricContract.of(Standardised.fit(), PlantedModel.of(Collections.nCopies(20, "a"), vectors))
                .comparing((a, b) -> a.samples() == b.samples()
                        && a.leftOut() == b.leftOut()
                        && IntStream.range(0, 3)
                                .allMatch(i -> Math.abs(a.mean(i) - b.mean(i)) <= 1e-11
                                        && Math.abs(a.standardDeviation(i) - b.standardDeviation(i)) <= 1e-11)
                        && a.standardDeviation(1) == 0
                        && b.standardDeviation(1) == 0)
                .onNaN(fitted -> {
                    assertThat(fitted.leftOut()).isEqualTo(1);
                    assertThat(fitted.samples()).isEqualTo(19);
                })
                .verify();
    }

    @Test
    void constantCoordinatesBecomeZeroAndHeadsStay() {
        Site z = PlantedModel.heads("hook_z", 2, 2);
        Activations activations = new PlantedModel()
                .with(z, new float[] {1, 0.1f, 0, 5}, new float[] {3, 0.1f, 0, 5})
                .capture(List.of("a", "b"));
        Standardised standardised = activations.measure(Standardised.fit());
        SiteActivations seen = standardised.apply(activations).onlySite();
        assertThat(seen.site().heads()).isEqualTo(2);
        assertThat(seen.vector(0)).containsExactly(-1, 0, 0, 0);
        assertThat(seen.vector(1)).containsExactly(1, 0, 0, 0);
        Activations other = new PlantedModel()
                .with(z, new float[] {5, Float.NaN, 1, Float.NaN})
                .capture(List.of("a"));
        assertThat(standardised.apply(other).onlySite().vector(0)).containsExactly(3, 0, 0, 0);
        assertThat(standardised).hasToString("Standardised[hook_z, 2 vectors]");
        assertThatThrownBy(() -> standardised.apply(PlantedModel.of(List.of("a"), new float[] {1})))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("is of 'hook_z'; here there are [site]");
    }

    @Test
    void withoutAnyVectorThereIsNoMean() {
        Activations activations = PlantedModel.of(List.of("a"), new float[] {Float.NaN});
        Standardised standardised = activations.measure(Standardised.fit());
        assertThat(standardised.mean(0)).isNaN();
        assertThat(standardised.standardDeviation(0)).isNaN();
        assertThat(standardised.apply(activations).onlySite().vector(0)).containsExactly(Float.NaN);
    }
}
