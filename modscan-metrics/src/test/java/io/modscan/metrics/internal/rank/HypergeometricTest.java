package io.modscan.metrics.internal.rank;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HypergeometricTest {

    private static BigInteger choose(int n, int k) {
        BigInteger ways = BigInteger.ONE;
        for (int i = 1; i <= k; i++) {
            ways = ways.multiply(BigInteger.valueOf(n - k + i)).divide(BigInteger.valueOf(i));
        }
        return ways;
    }

    @ParameterizedTest
    @CsvSource({
        "1, 0, 1",
        "1, 1, 1",
        "2, 1, 1",
        "7, 3, 4",
        "7, 3, 0",
        "7, 0, 3",
        "7, 7, 3",
        "9, 6, 8",
        "200, 13, 20",
        "200, 20, 13",
        "200, 150, 100",
        "1000, 400, 500"
    })
    void agreesWithWholeNumbers(int all, int marked, int drawn) {
        Hypergeometric counts = new Hypergeometric(all, marked, drawn);
        assertThat(counts.first()).isEqualTo(Math.max(0, drawn + marked - all));
        assertThat(counts.last()).isEqualTo(Math.min(marked, drawn));
        for (int count = counts.first(); count <= counts.last(); count++) {
            double expected = new BigDecimal(choose(marked, count).multiply(choose(all - marked, drawn - count)))
                    .divide(new BigDecimal(choose(all, drawn)), MathContext.DECIMAL64)
                    .doubleValue();
            assertThat(counts.probability(count)).isCloseTo(expected, withinPercentage(1e-10));
        }
    }

    @Test
    void leavesOutWhatIsNextToImpossible() {
        Hypergeometric counts = new Hypergeometric(2_000_000_000, 1_000_000_000, 1_000_000);
        assertThat(counts.first()).isBetween(450_000, 490_000);
        assertThat(counts.last()).isBetween(510_000, 550_000);
        double sum = 0;
        double mean = 0;
        for (int count = counts.first(); count <= counts.last(); count++) {
            sum += counts.probability(count);
            mean += count * counts.probability(count);
        }
        assertThat(sum).isCloseTo(1, withinPercentage(1e-9));
        assertThat(mean).isCloseTo(500_000, withinPercentage(1e-9));
    }
}
