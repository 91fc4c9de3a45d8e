package io.modscan.metrics.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.modscan.metrics.Golden;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BenjaminiHochbergTest {

    static Stream<Map<String, Object>> falseDiscovery() {
        return Golden.cases("falseDiscovery");
    }

    @ParameterizedTest
    @MethodSource("falseDiscovery")
    void agreesWithScipy(Map<String, Object> golden) {
        double[] expected = Golden.doubles(golden.get("q"));
        double[] q = BenjaminiHochberg.adjust(Golden.doubles(golden.get("p")));
        assertThat(q).hasSameSizeAs(expected);
        for (int i = 0; i < q.length; i++) {
            assertThat(q[i]).isCloseTo(expected[i], withinPercentage(1e-10));
        }
    }

    @Test
    void nanIsNotAmongTheTests() {
        assertThat(BenjaminiHochberg.adjust(new double[] {0.5, Double.NaN, 0.01, Double.NaN}))
                .containsExactly(0.5, Double.NaN, 0.02, Double.NaN);
        assertThat(BenjaminiHochberg.adjust(new double[] {Double.NaN})).containsExactly(Double.NaN);
        assertThat(BenjaminiHochberg.adjust(new double[0])).isEmpty();
    }
}
