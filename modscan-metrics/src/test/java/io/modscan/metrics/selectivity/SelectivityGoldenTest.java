package io.modscan.metrics.selectivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.internal.rank.HedgesG;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

public class SelectivityGoldenTest {

    public static final String FILE = "selectivity.json";

    static Stream<Map<String, Object>> scans() {
        return Golden.cases(FILE, "scans");
    }

    static Activations activations(Map<String, Object> golden) {
        return PlantedModel.of(Golden.strings(golden.get("labels")), Golden.vectors(golden.get("values")));
    }

    static double number(@Nullable Object json) {
        return json instanceof String text
                ? (text.equals("inf") ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY)
                : Golden.number(json);
    }

    static void assertClose(double actual, @Nullable Object json) {
        double expected = number(json);
        if (Double.isNaN(expected)) {
            assertThat(actual).isNaN();
        } else if (Double.isInfinite(expected) || expected == 0) {
            assertThat(actual).isEqualTo(expected);
        } else {
            assertThat(actual).isCloseTo(expected, within(Math.abs(expected) * 1e-11));
        }
    }

    @ParameterizedTest
    @MethodSource("scans")
    void agreesWithScipy(Map<String, Object> golden) {
        List<UnitSelectivity> rows =
                activations(golden).measure(Selectivity.by("topic")).rows().toList();
        List<?> expected = Golden.list(golden.get("rows"));
        assertThat(rows).hasSameSizeAs(expected);
        for (int i = 0; i < rows.size(); i++) {
            List<?> numbers = Golden.list(expected.get(i));
            UnitSelectivity row = rows.get(i);
            assertThat(row.unit().unit()).hasValue(Golden.integer(numbers.get(0)));
            assertThat(row.label()).isEqualTo(numbers.get(1));
            assertClose(row.meanIn(), numbers.get(2));
            assertClose(row.meanOut(), numbers.get(3));
            assertClose(row.hedgesG(), numbers.get(4));
            assertClose(row.auroc(), numbers.get(5));
            assertClose(row.p(), numbers.get(6));
            assertClose(row.q(), numbers.get(7));
            assertClose(row.kruskalP(), numbers.get(8));
            assertClose(row.kruskalQ(), numbers.get(9));
            assertThat(row.aurocError()).isZero();
        }
    }

    @Test
    void correctionOfSmallSamplesAgreesWithScipy() {
        for (Object entry : Golden.list(Golden.all(FILE).get("corrections"))) {
            double[] numbers = Golden.doubles(entry);
            assertThat(HedgesG.correction(numbers[0])).isCloseTo(numbers[1], within(1e-15));
        }
    }
}
