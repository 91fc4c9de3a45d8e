package io.modscan.metrics.internal.rank;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against the critical values of Pearson's correlation that tables have. */
class ChanceLevelTest {

    @ParameterizedTest
    @CsvSource({"3, 0.9969", "4, 0.9500", "10, 0.6319", "30, 0.3610", "102, 0.1946"})
    void ofOnePairItIsTheCriticalValueOfATable(int prompts, double critical) {
        assertThat(ChanceLevel.of(prompts, 1, true)).isCloseTo(critical, within(5.1e-5));
    }

    @Test
    void ofOneSignItIsThatOfTwiceTheProbabilityAndOfManyPairsThatOfItsShare() {
        assertThat(ChanceLevel.of(10, 1, false)).isCloseTo(0.5494, within(5.1e-5));
        assertThat(ChanceLevel.of(10, 5, true)).isCloseTo(0.7646, within(5.1e-5));
        assertThat(ChanceLevel.of(10, 100, true, 1)).isEqualTo(ChanceLevel.of(10, 5, true));
        assertThat(ChanceLevel.asRare(0.6319, 10, 30)).isCloseTo(0.3610, within(1e-4));
        assertThat(ChanceLevel.of(1000, 36_864 * 36_863.0 / 2, true)).isCloseTo(0.204, within(0.001));
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 5, 10, 100_000})
    void itIsACorrelationHoweverManyPairsThereAre(int prompts) {
        double before = 0;
        for (double pairs : new double[] {0, 1, 1e6, 1e15, 1e300}) {
            double level = ChanceLevel.of(prompts, pairs, true);
            assertThat(level).isBetween(before, 1.0).isPositive();
            before = level;
        }
    }
}
