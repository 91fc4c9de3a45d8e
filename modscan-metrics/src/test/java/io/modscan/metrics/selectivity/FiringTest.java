package io.modscan.metrics.selectivity;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FiringTest {

    private static final float[] VALUES = {
        0f,
        -0f,
        Float.MIN_VALUE,
        -Float.MIN_VALUE,
        Float.MIN_NORMAL,
        0.1f,
        Math.nextUp(0.1f),
        Math.nextDown(0.1f),
        1f,
        Math.nextUp(1f),
        Float.MAX_VALUE,
        -Float.MAX_VALUE,
        Float.POSITIVE_INFINITY,
        Float.NEGATIVE_INFINITY
    };

    @ParameterizedTest
    @ValueSource(
            doubles = {
                0,
                0.1,
                -0.1,
                1,
                1e-300,
                -1e-300,
                1e300,
                -1e300,
                Float.MAX_VALUE,
                Double.POSITIVE_INFINITY,
                Double.NEGATIVE_INFINITY
            })
    void aUnitFiresWhereItsValueIsAboveTheThreshold(double threshold) {
        float[] counts = new float[VALUES.length];
        new Firing(threshold).count(VALUES, VALUES.length, counts);
        for (int i = 0; i < VALUES.length; i++) {
            assertThat(counts[i]).as("%s above %s", VALUES[i], threshold).isEqualTo(VALUES[i] > threshold ? 1f : 0f);
        }
    }
}
