package io.modscan.metrics.internal.rank;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.modscan.core.prompt.Labels;
import io.modscan.metrics.Golden;
import io.modscan.metrics.selectivity.SelectivityGoldenTest;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class TiedRankSumTest {

    /** What is below may be off by more, but not towards significance. */
    private static final double SMALLEST = 1e-9;

    static Stream<Map<String, Object>> tiedRankSums() {
        return Golden.cases(SelectivityGoldenTest.FILE, "tiedRankSums");
    }

    static Stream<Map<String, Object>> mostlyEqual() {
        return Golden.cases(SelectivityGoldenTest.FILE, "mostlyEqual");
    }

    private static Midranks rank(float... values) {
        Midranks ranks = new Midranks(values.length);
        assertThat(ranks.rank(values, 0)).isTrue();
        return ranks;
    }

    private static TiedRankSum sums(TiedRanks ranks, int n, int tables, int lookedUp) {
        return Objects.requireNonNull(TiedRankSum.of(ranks, n, new SubsetSums(ranks, tables), lookedUp));
    }

    @ParameterizedTest
    @MethodSource("tiedRankSums")
    void agreesWithACountOfAllWays(Map<String, Object> golden) {
        TiedRanks ranks = new TiedRanks(rank(Golden.floats(golden.get("values"))));
        int n = Golden.integer(golden.get("n"));
        assertThat(SubsetSums.affordable(ranks, n)).isEqualTo(n);
        double[] doubled = Golden.doubles(golden.get("sums"));
        double[] p = Golden.doubles(golden.get("p"));
        // Tables for more ranks than are drawn, as for a larger label, do as well.
        for (int most = n; most <= Math.min(n + 2, ranks.all()); most++) {
            TiedRankSum test = sums(ranks, n, most, n);
            for (int i = 0; i < doubled.length; i++) {
                assertThat(test.twoSided((long) doubled[i])).isCloseTo(p[i], withinPercentage(1e-10));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("mostlyEqual")
    void isNearTheCountWhereThatTakesTooLong(Map<String, Object> golden) {
        TiedRanks ranks = new TiedRanks(rank(Golden.floats(golden.get("values"))));
        int n = Golden.integer(golden.get("n"));
        assertThat(SubsetSums.affordable(ranks, n)).isLessThan(n);
        int part = SubsetSums.affordablePart(ranks, n);
        assertThat(part).isBetween(0, SubsetSums.affordable(ranks, n));
        assertThat(ranks.dominated()).isTrue();
        TiedRankSum test = sums(ranks, n, part, part);
        double[] doubled = Golden.doubles(golden.get("sums"));
        double[] p = Golden.doubles(golden.get("p"));
        for (int i = 0; i < doubled.length; i++) {
            double actual = test.twoSided((long) doubled[i]);
            assertThat(actual / p[i]).isGreaterThan(0.75);
            if (p[i] > SMALLEST) {
                assertThat(actual / p[i]).isLessThan(1.5);
            }
        }
    }

    /** Zeros, and different values for the others. */
    private static Midranks mostlyZero(int below, int zeros, int above) {
        float[] values = new float[below + zeros + above];
        for (int i = 0; i < below; i++) {
            values[i] = -i - 1;
        }
        for (int i = 0; i < above; i++) {
            values[below + i] = i + 1;
        }
        return rank(values);
    }

    private static TiedMannWhitney tests(int in, int out) {
        return new TiedMannWhitney(Labels.counted(Map.of("in", (long) in, "out", (long) out)), in + out);
    }

    /** Replaces p-values of −1 for a sample with such a rank sum and for the others. */
    private static double[] replaced(TiedMannWhitney tests, Midranks ranks, double in) {
        double[] p = {-1, -1};
        tests.replace(ranks, new double[] {in, ranks.size() * (ranks.size() + 1) / 2.0 - in}, p, 0);
        return p;
    }

    @ParameterizedTest
    @CsvSource({"0, 13", "13, 0", "0, 60", "60, 0", "30, 50", "0, 95"})
    void pFallsWithTheDistanceFromChance(int below, int above) {
        Midranks ranks = mostlyZero(below, 200 - below - above, above);
        TiedMannWhitney tests = tests(20, 180);
        double least = 20 * 21 / 2.0;
        double most = 20 * (181 + 200) / 2.0;
        double[] up = new double[(int) (2 * (most - least)) + 1];
        for (int i = 0; i < up.length; i++) {
            double[] p = replaced(tests, ranks, least + i / 2.0);
            up[i] = p[0];
            assertThat(p[0]).isBetween(0.0, 1.0).isEqualTo(p[1]);
        }
        int top = 0;
        while (up[top] < 1) {
            top++;
        }
        for (int i = 1; i < up.length; i++) {
            assertThat(i <= top ? up[i] - up[i - 1] : up[i - 1] - up[i]).isGreaterThan(-1e-13);
        }
        assertThat(up[0]).isLessThan(1e-3);
        assertThat(up[up.length - 1]).isLessThan(1e-3);
    }

    @Test
    void fewTiesAmongManyValuesAreLeftToTheApproximation() {
        assertThat(replaced(tests(20, 180), mostlyZero(0, 2, 198), 1500)).containsOnly(-1);
        assertThat(replaced(tests(20, 180), mostlyZero(0, 99, 101), 1500)).containsOnly(-1);
        assertThat(replaced(tests(20, 180), mostlyZero(0, 100, 100), 2500)[0]).isBetween(0.01, 0.1);
        assertThat(replaced(tests(1, 199), mostlyZero(0, 2, 198), 200)[0]).isEqualTo(0.01);
    }

    @Test
    void countsInTooManyCombinationsAreLeftToTheApproximation() {
        for (int below : new int[] {0, 900}) {
            TiedRanks ranks = new TiedRanks(mostlyZero(below, 2200, 1800 - below));
            assertThat(TiedRankSum.of(ranks, 1500, new SubsetSums(ranks, 0), 0) == null)
                    .isEqualTo(below > 0);
        }
    }

    /** What is computed for a label follows from its own size. */
    @ParameterizedTest
    @CsvSource({"13", "36", "60", "120"})
    void otherLabelsDoNotMatter(int above) {
        Midranks ranks = mostlyZero(0, 260 - above, above);
        double least = 20 * 21 / 2.0;
        for (int size : new int[] {4, 11, 120}) {
            TiedMannWhitney three =
                    new TiedMannWhitney(Labels.counted(Map.of("a", 20L, "b", (long) size, "c", 240L - size)), 260);
            for (double more = 0; more < 4000; more += 100) {
                double in = least + more;
                double[] p = {-1, -1, -1};
                three.replace(ranks, new double[] {in, 0, 0}, p, 0);
                assertThat(p[0]).isEqualTo(replaced(tests(20, 240), ranks, in)[0]);
            }
        }
    }

    @Test
    void constantsAndEmptySamplesAreLeftAlone() {
        assertThat(replaced(tests(4, 6), mostlyZero(0, 10, 0), 22)).containsOnly(-1);
        assertThat(replaced(tests(0, 10), mostlyZero(0, 7, 3), 0)).containsOnly(-1);
    }
}
