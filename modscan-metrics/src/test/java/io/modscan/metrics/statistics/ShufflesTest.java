package io.modscan.metrics.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ShufflesTest {

    private static final List<String> LABELS = List.of("a", "a", "a", "b", "b", "b");

    /** By how much the places of b are farther back than those of a, on average. */
    private static double shift(List<String> labels) {
        double shift = 0;
        for (int i = 0; i < labels.size(); i++) {
            shift += labels.get(i).equals("b") ? i / 3.0 : -i / 3.0;
        }
        return shift;
    }

    @Test
    void theShareOfShufflesIsThatOfAllWaysToDealTheLabelsOut() {
        double[] shuffled = Shuffles.of(LABELS, 20_000, new SplittableRandom(7), ShufflesTest::shift);
        AgainstShuffles numbers = AgainstShuffles.of(shift(LABELS), shuffled, value -> value >= 3 - 1e-9);
        // Of the 20 ways to choose the places of b, one is as extreme; the variance is n²(n + 1) / 12 / 9 for n = 6.
        assertThat(numbers.observed()).isCloseTo(3, within(1e-12));
        assertThat(numbers.p()).isCloseTo(1 / 20.0, within(0.008));
        assertThat(numbers.mean()).isCloseTo(0, within(0.06));
        assertThat(numbers.sd()).isCloseTo(Math.sqrt(7 / 3.0), within(0.04));
    }

    @Test
    void everyOrderIsAsLikely() {
        Map<List<Integer>, Integer> seen = new HashMap<>();
        List<Integer> things = new ArrayList<>(List.of(1, 2, 3));
        Shuffles.of(things, 60_000, new SplittableRandom(3), order -> seen.merge(List.copyOf(order), 1, Integer::sum));
        assertThat(seen).hasSize(6);
        // Five standard deviations.
        assertThat(seen.values()).allSatisfy(times -> assertThat(times).isBetween(9_540, 10_460));
        assertThat(things).containsExactly(1, 2, 3);
    }

    @Test
    void theSameSeedGivesTheSame() {
        double[] once = Shuffles.of(LABELS, 20, new SplittableRandom(7), ShufflesTest::shift);
        assertThat(Shuffles.of(LABELS, 20, new SplittableRandom(7), ShufflesTest::shift))
                .isEqualTo(once);
        assertThat(Shuffles.of(LABELS, 20, new SplittableRandom(8), ShufflesTest::shift))
                .isNotEqualTo(once);
        assertThat(Shuffles.of(LABELS, 0, new SplittableRandom(7), ShufflesTest::shift))
                .isEmpty();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Shuffles.of(LABELS, -1, new SplittableRandom(7), ShufflesTest::shift))
                .withMessageContaining("not -1");
    }

    @Test
    void againstShufflesIsTheTestOfPermutations() {
        AgainstShuffles numbers = AgainstShuffles.of(3, new double[] {1, 2, 3, Double.NaN, 6});
        assertThat(numbers.mean()).isEqualTo(3);
        assertThat(numbers.sd()).isCloseTo(Math.sqrt(14 / 3.0), within(1e-15));
        assertThat(numbers.z()).isZero();
        assertThat(numbers.p()).isEqualTo(3 / 6.0);
        assertThat(AgainstShuffles.of(1, new double[] {0}).sd()).isNaN();
        assertThat(AgainstShuffles.of(1, new double[] {0}).p()).isEqualTo(0.5);
        assertThat(AgainstShuffles.of(1, new double[0]).p()).isNaN();
        assertThat(AgainstShuffles.of(Double.NaN, new double[] {0, 1}).p()).isNaN();
        assertThat(AgainstShuffles.of(1, new double[] {0, 0}).z()).isInfinite();
    }

    @Test
    void whatIsExtremeCanBeToldOtherwise() {
        double[] shuffled = {1, 2, 3, Double.NaN, 6};
        assertThat(AgainstShuffles.of(2, shuffled, value -> value <= 2).p()).isEqualTo(3 / 6.0);
        assertThat(AgainstShuffles.of(2, shuffled, value -> !(value > 2)).p()).isEqualTo(4 / 6.0);
    }
}
