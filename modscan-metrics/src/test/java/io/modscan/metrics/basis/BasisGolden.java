package io.modscan.metrics.basis;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** Reads {@code basis.json}, which {@code tools/basis_golden.py} writes. */
final class BasisGolden {

    private BasisGolden() {}

    @SuppressWarnings("unchecked")
    static Stream<Arguments> cases() {
        return Golden.list(Golden.all("basis.json").get("cases")).stream()
                .map(json -> (Map<String, Object>) json)
                .map(golden -> Arguments.of(golden.get("name"), golden));
    }

    static Activations activations(Map<String, Object> golden) {
        float[][] vectors = Golden.vectors(golden.get("vectors"));
        return PlantedModel.of(Collections.nCopies(vectors.length, "a"), vectors);
    }

    static Map<?, ?> part(Map<String, Object> golden, String key) {
        return (Map<?, ?>) Objects.requireNonNull(golden.get(key));
    }

    static double largest(double[] values) {
        return Arrays.stream(values).map(Math::abs).max().orElse(0);
    }

    static double[] wide(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    /** Holds values to those expected, up to a tolerance; NaN must be NaN. */
    static void assertClose(double[] actual, double[] expected, double tolerance) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            boolean close = Double.isNaN(expected[i])
                    ? Double.isNaN(actual[i])
                    : Math.abs(actual[i] - expected[i]) <= tolerance;
            assertThat(close)
                    .as("%s of %s, expected %s ± %s", i, actual[i], expected[i], tolerance)
                    .isTrue();
        }
    }
}
