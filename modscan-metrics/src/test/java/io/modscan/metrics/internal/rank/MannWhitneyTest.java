package io.modscan.metrics.internal.rank;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.modscan.metrics.Golden;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class MannWhitneyTest {

    /** A relative error of 1e-12. */
    private static final double PERCENT = 1e-10;

    static Stream<Map<String, Object>> rankTests() {
        return Golden.cases("rankTests");
    }

    static Stream<Map<String, Object>> exactTables() {
        return Golden.cases("exactTables");
    }

    static Stream<Map<String, Object>> separations() {
        return Golden.cases("separations");
    }

    /** Small samples with equal values are compared with a count of all ways to deal out the ranks. */
    @ParameterizedTest
    @MethodSource("rankTests")
    void agreesWithScipy(Map<String, Object> golden) {
        List<String> labels = new ArrayList<>();
        List<float[]> values = new ArrayList<>();
        for (String sample : List.of("in", "out")) {
            for (float value : Golden.floats(golden.get(sample))) {
                labels.add(sample);
                values.add(new float[] {value});
            }
        }
        List<UnitSelectivity> rows = PlantedModel.of(labels, values.toArray(float[][]::new))
                .measure(Selectivity.by("topic"))
                .rows()
                .toList();
        assertThat(rows).extracting(UnitSelectivity::label).containsExactly("in", "out");
        assertThat(rows.get(0).auroc()).isCloseTo(Golden.number(golden.get("auroc")), withinPercentage(PERCENT));
        assertThat(rows)
                .allSatisfy(row ->
                        assertThat(row.p()).isCloseTo(Golden.number(golden.get("p")), withinPercentage(PERCENT)));
    }

    @ParameterizedTest
    @MethodSource("exactTables")
    void exactDistributionAgreesWithScipyAtEveryU(Map<String, Object> golden) {
        int n1 = Golden.integer(golden.get("n1"));
        int n2 = Golden.integer(golden.get("n2"));
        double[] p = Golden.doubles(golden.get("p"));
        for (int u = 0; u <= n1 * n2; u++) {
            assertThat(new MannWhitney(n1, n2).twoSided(u, 0)).isCloseTo(p[u], withinPercentage(PERCENT));
            assertThat(new MannWhitney(n2, n1).twoSided(u, 0)).isCloseTo(p[u], withinPercentage(PERCENT));
        }
    }

    @ParameterizedTest
    @MethodSource("separations")
    void agreesDownToTheSmallestDoubles(Map<String, Object> golden) {
        int n = Golden.integer(golden.get("n"));
        assertThat(new MannWhitney(n, n).twoSided(0, 0))
                .isCloseTo(Golden.number(golden.get("p")), withinPercentage(PERCENT));
    }

    /** Counts beyond 2^53, where doubles round. */
    @ParameterizedTest
    @CsvSource({"8, 192", "8, 2000", "7, 5000", "8, 5000"})
    void exactDistributionAgreesWithWholeNumbers(int m, int n) {
        int half = m * n / 2;
        BigInteger[] ways = new BigInteger[half + 1];
        Arrays.fill(ways, BigInteger.ZERO);
        ways[0] = BigInteger.ONE;
        for (int i = 1; i <= m; i++) {
            for (int u = half; u >= n + i; u--) {
                ways[u] = ways[u].subtract(ways[u - n - i]);
            }
            for (int u = i; u <= half; u++) {
                ways[u] = ways[u].add(ways[u - i]);
            }
        }
        BigInteger all = BigInteger.ONE;
        for (int i = 1; i <= m; i++) {
            all = all.multiply(BigInteger.valueOf(n + i)).divide(BigInteger.valueOf(i));
        }
        MannWhitney test = new MannWhitney(m, n);
        BigInteger sum = BigInteger.ZERO;
        for (int u = 0; u <= half; u++) {
            sum = sum.add(ways[u]);
            double p = new BigDecimal(sum)
                    .multiply(BigDecimal.valueOf(2))
                    .divide(new BigDecimal(all), MathContext.DECIMAL64)
                    .doubleValue();
            assertThat(test.twoSided(u, 0)).isCloseTo(Math.min(1, p), withinPercentage(PERCENT));
        }
    }

    @Test
    void allEqualIsNoEvidence() {
        double n = 1000;
        assertThat(new MannWhitney(300, 700).twoSided(105_000, n * n * n - n)).isEqualTo(1);
    }

    @Test
    void anEmptySampleHasNoP() {
        assertThat(new MannWhitney(0, 5).twoSided(0, 0)).isNaN();
        assertThat(new MannWhitney(5, 0).twoSided(0, 0)).isNaN();
    }

    @Test
    void streamsBeyondAnArrayAreApproximated() {
        assertThat(new MannWhitney(8, 4_000_000_000L).twoSided(16e9, 0)).isCloseTo(1, withinPercentage(1e-6));
        assertThat(new MannWhitney(8, 4_000_000_000L).twoSided(0, 0)).isBetween(1e-7, 1e-5);
    }
}
