package io.modscan.metrics.internal.rank;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.modscan.metrics.Golden;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class StudentTTest {

    static Stream<Map<String, Object>> quantiles() {
        return Golden.cases("paired.json", "quantiles");
    }

    @ParameterizedTest
    @MethodSource("quantiles")
    void agreesWithScipy(Map<String, Object> golden) {
        double freedom = Golden.number(golden.get("freedom"));
        assertThat(StudentT.quantile(Golden.number(golden.get("probability")), freedom))
                .isCloseTo(Golden.number(golden.get("t")), withinPercentage(100 * Math.max(1e-11, 1e-15 * freedom)));
    }

    /** With one degree of freedom it is Cauchy's distribution, with two it has a closed form as well. */
    @ParameterizedTest
    @ValueSource(doubles = {0.5000000001, 0.51, 0.7499, 0.75, 0.8, 0.975, 0.999999})
    void agreesWithClosedForms(double p) {
        assertThat(StudentT.quantile(p, 1))
                .isCloseTo(
                        p < 0.75 ? Math.tan(Math.PI * (p - 0.5)) : 1 / Math.tan(Math.PI * (1 - p)),
                        withinPercentage(1e-9));
        assertThat(StudentT.quantile(p, 2)).isCloseTo((2 * p - 1) / Math.sqrt(2 * p * (1 - p)), withinPercentage(1e-9));
    }

    @ParameterizedTest
    @CsvSource({"0.5, 3", "1, 3", "0.3, 3", "NaN, 3", "0.9, 0", "0.9, -1", "0.9, NaN", "0.9, Infinity"})
    void saysWhatIsOutOfRange(double probability, double freedom) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> StudentT.quantile(probability, freedom))
                .withMessageContaining("not for " + probability + " and " + freedom);
    }
}
