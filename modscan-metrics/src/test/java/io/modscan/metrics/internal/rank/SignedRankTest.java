package io.modscan.metrics.internal.rank;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.modscan.metrics.Golden;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SignedRankTest {

    /** Relative errors of 1e-12 and 1e-11. */
    private static final double PERCENT = 1e-10;

    private static final double APPROXIMATED_PERCENT = 1e-9;

    static Stream<Map<String, Object>> signedRanks() {
        return Golden.cases("paired.json", "signedRanks");
    }

    @ParameterizedTest
    @MethodSource("signedRanks")
    void agreesWithScipyAndWithACountOfAllWays(Map<String, Object> golden) {
        double[] differences = Golden.doubles(golden.get("differences"));
        double percent = "asymptotic".equals(golden.get("how")) ? APPROXIMATED_PERCENT : PERCENT;
        assertThat(SignedRank.twoSided(differences))
                .isCloseTo(Golden.number(golden.get("p")), withinPercentage(percent));
    }

    /** Whole numbers tie often; of a step this small hardly any does. */
    @ParameterizedTest
    @ValueSource(doubles = {1, 1e-9})
    void equalsAnEnumerationOfAllSigns(double step) {
        Random random = new Random(5);
        for (int n = 1; n <= 10; n++) {
            for (int time = 0; time < 20; time++) {
                double[] differences = normal(random, n, step);
                assertThat(SignedRank.twoSided(differences))
                        .as(Arrays.toString(differences))
                        .isEqualTo(enumerated(differences));
            }
        }
    }

    private static double[] normal(Random random, int n, double step) {
        double[] values = new double[n];
        for (int i = 0; i < n; i++) {
            values[i] = Math.rint((random.nextGaussian() * 2 + 1) / step) * step;
        }
        return values;
    }

    /** By its definition, without ranks that are sorted or sums that are counted. */
    private static double enumerated(double[] differences) {
        double[] some = Arrays.stream(differences).filter(d -> d != 0).toArray();
        double[] ranks = Arrays.stream(some)
                .map(d -> {
                    double smaller = Arrays.stream(some)
                            .filter(other -> Math.abs(other) < Math.abs(d))
                            .count();
                    double equal = Arrays.stream(some)
                            .filter(other -> Math.abs(other) == Math.abs(d))
                            .count();
                    return smaller + (equal + 1) / 2;
                })
                .toArray();
        double positive = 0;
        for (int i = 0; i < some.length; i++) {
            positive += some[i] > 0 ? ranks[i] : 0;
        }
        int atMost = 0;
        int atLeast = 0;
        for (int signs = 0; signs < 1 << some.length; signs++) {
            double sum = 0;
            for (int i = 0; i < some.length; i++) {
                sum += (signs >> i & 1) * ranks[i];
            }
            atMost += sum <= positive ? 1 : 0;
            atLeast += sum >= positive ? 1 : 0;
        }
        return Math.min(1, 2.0 * Math.min(atMost, atLeast) / (1 << some.length));
    }

    /** On both sides of each border between ways to compute it. */
    @ParameterizedTest
    @ValueSource(ints = {5, 24, 25, 26, 49, 50, 51, 300})
    void signsOrderAndScaleDoNotMatter(int n) {
        Random random = new Random(n);
        for (double step : new double[] {0.5, 1e-9}) {
            double[] differences = normal(random, n, step);
            double[] before = differences.clone();
            double p = SignedRank.twoSided(differences);
            assertThat(differences).isEqualTo(before);
            assertThat(p).isBetween(0.0, 1.0);
            assertThat(SignedRank.twoSided(
                            Arrays.stream(differences).map(d -> -d).toArray()))
                    .isEqualTo(p);
            assertThat(SignedRank.twoSided(
                            Arrays.stream(differences).map(d -> d * 1024).toArray()))
                    .isEqualTo(p);
            double[] sorted = differences.clone();
            Arrays.sort(sorted);
            assertThat(SignedRank.twoSided(sorted)).isEqualTo(p);
            assertThat(SignedRank.twoSided(Arrays.copyOf(differences, n + 7)))
                    .as("zeros are left out")
                    .isEqualTo(p);
        }
    }

    /** A single tie among so many changes hardly anything but the way. */
    @ParameterizedTest
    @ValueSource(ints = {26, 35, 50})
    void theApproximationIsNearTheExactTest(int n) {
        double[] differences = new double[n];
        for (int i = 0; i < n; i++) {
            differences[i] = (i % 3 == 0 ? -1 : 1) * (1.0 + i);
        }
        double exact = SignedRank.twoSided(differences);
        differences[1] = 1;
        assertThat(SignedRank.twoSided(differences)).isNotEqualTo(exact).isCloseTo(exact, withinPercentage(5));
    }

    /** Under the null p ≤ α at most as often as α says, whichever way it is computed. */
    @ParameterizedTest
    @ValueSource(ints = {8, 20, 40, 60})
    void pValuesAreValid(int n) {
        Random random = new Random(99);
        for (double step : new double[] {0.5, 1e-9}) {
            int times = 4000;
            int below = 0;
            for (int time = 0; time < times; time++) {
                double[] differences = normal(random, n, step);
                for (int i = 0; i < n; i++) {
                    differences[i] *= random.nextBoolean() ? 1 : -1;
                }
                below += SignedRank.twoSided(differences) <= 0.05 ? 1 : 0;
            }
            // Three standard errors.
            assertThat((double) below / times).isBetween(0.02, 0.05 + 3 * Math.sqrt(0.05 * 0.95 / times));
        }
    }

    @Test
    void noDifferenceIsNoEvidenceAndNothingIsNoAnswer() {
        assertThat(SignedRank.twoSided(new double[] {0, -0.0, 0})).isEqualTo(1);
        assertThat(SignedRank.twoSided(new double[0])).isNaN();
        assertThat(SignedRank.twoSided(new double[] {1, Double.NaN})).isNaN();
        assertThat(SignedRank.twoSided(new double[] {1, Double.NEGATIVE_INFINITY}))
                .isNaN();
    }

    @Test
    void rankBiserialIsTheShareOfRanksForLessThatAgainst() {
        assertThat(SignedRank.rankBiserial(new double[] {1, 2, 3})).isEqualTo(1);
        assertThat(SignedRank.rankBiserial(new double[] {-1, 2, 0, -3})).isEqualTo((2 - 1 - 3) / 6.0);
        assertThat(SignedRank.rankBiserial(new double[] {-1, 1, 2})).isEqualTo((3 + 1.5 - 1.5) / 6);
        assertThat(SignedRank.rankBiserial(new double[] {0, 0})).isZero();
        assertThat(SignedRank.rankBiserial(new double[0])).isNaN();
    }
}
