package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.SiteActivations;
import io.modscan.metrics.modules.PlantedModules.Kind;
import io.modscan.metrics.modules.PlantedModules.Plan;
import io.modscan.metrics.modules.PlantedModules.Planted;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** That what is planted is what it is said to be. */
class PlantedModulesTest {

    private static double[] column(Planted planted, int unit) {
        SiteActivations site = planted.activations().onlySite();
        return IntStream.range(0, planted.plan().prompts())
                .mapToDouble(i -> site.vector(i)[unit])
                .toArray();
    }

    private static double[][] columns(Planted planted) {
        SiteActivations site = planted.activations().onlySite();
        double[][] columns = new double[planted.plan().units()][planted.plan().prompts()];
        for (int i = 0; i < planted.plan().prompts(); i++) {
            float[] vector = site.vector(i);
            for (int unit = 0; unit < columns.length; unit++) {
                columns[unit][i] = vector[unit];
            }
        }
        return columns;
    }

    private static double correlation(double[] one, double[] other) {
        double meanOne = Arrays.stream(one).average().orElseThrow();
        double meanOther = Arrays.stream(other).average().orElseThrow();
        double product = 0;
        double squaresOne = 0;
        double squaresOther = 0;
        for (int i = 0; i < one.length; i++) {
            product += (one[i] - meanOne) * (other[i] - meanOther);
            squaresOne += (one[i] - meanOne) * (one[i] - meanOne);
            squaresOther += (other[i] - meanOther) * (other[i] - meanOther);
        }
        return product / Math.sqrt(squaresOne * squaresOther);
    }

    private interface Pairs {
        boolean have(int one, int other);
    }

    private static double[] correlations(Planted planted, Pairs pairs) {
        double[][] columns = columns(planted);
        return IntStream.range(0, columns.length)
                .boxed()
                .flatMapToDouble(i -> IntStream.range(0, i)
                        .filter(j -> pairs.have(i, j))
                        .mapToDouble(j -> correlation(columns[i], columns[j])))
                .toArray();
    }

    private static double mean(double[] values) {
        return Arrays.stream(values).average().orElseThrow();
    }

    private static Pairs together(int[] classes) {
        return (i, j) -> classes[i] == classes[j] && classes[i] != PlantedModules.ALONE;
    }

    @ParameterizedTest
    @EnumSource
    void modulesHaveTheSizesThatWereAskedFor(Kind kind) {
        Planted planted = PlantedModules.of(kind, 3);
        int[] truth = planted.truth();
        assertThat(truth).hasSize(kind.plan().units());
        for (int module = 0; module < kind.plan().sizes().size(); module++) {
            int wanted = module;
            assertThat(Arrays.stream(truth).filter(m -> m == wanted))
                    .hasSize(kind.plan().sizes().get(module));
        }
        assertThat(Arrays.stream(truth).filter(m -> m == PlantedModules.ALONE))
                .hasSize(kind.plan().noise());
        assertThat(kind.hasModules()).isEqualTo(Arrays.stream(truth).anyMatch(m -> m >= 0));
        assertThat(planted.activations().prompts().size()).isBetween(60, 200);
        assertThat(truth.length).isBetween(300, 520);
    }

    @ParameterizedTest
    @EnumSource
    void theOracleKnowsNearlyAll(Kind kind) {
        double sum = 0;
        for (int seed = 0; seed < 3; seed++) {
            Planted planted = PlantedModules.of(kind, seed);
            sum += PlantedModules.agreement(planted.truth(), planted.oracle());
            assertThat(PlantedModules.agreement(planted.groups(), planted.oracleOfGroups()))
                    .isGreaterThan(0.85);
        }
        switch (kind) {
            case WEAKER -> assertThat(sum / 3).isBetween(0.9, 0.99);
            case OVERLAPPING_STRENGTHS -> assertThat(sum / 3).isBetween(0.94, 0.999);
            default -> assertThat(sum / 3).isBetween(0.985, 1.0);
        }
    }

    @Test
    void theLessThereIsToSeeTheLessTheOracleKnows() {
        double before = 1.1;
        for (double loading : new double[] {0.6, 0.4, 0.2, 0.02}) {
            Planted planted = PlantedModules.of(Plan.of(60, 150, loading, loading, 50, 50, 50), 1);
            double agreement = PlantedModules.agreement(planted.truth(), planted.oracle());
            assertThat(agreement).isLessThan(before);
            before = agreement;
        }
        assertThat(before).isLessThan(0.05);
    }

    @Test
    void theSameSeedGivesTheSame() {
        for (Kind kind : Kind.values()) {
            Planted one = PlantedModules.of(kind, 5);
            Planted same = PlantedModules.of(kind, 5);
            assertThat(one.truth()).isEqualTo(same.truth());
            assertThat(column(one, 7)).isEqualTo(column(same, 7));
            assertThat(column(one, 7)).isNotEqualTo(column(PlantedModules.of(kind, 6), 7));
        }
    }

    @Test
    void membersCorrelateByTheirLoadings() {
        Plan plan = Kind.EQUAL.plan().prompts(3000).noise(20);
        Planted planted = PlantedModules.of(plan, 1);
        int[] truth = planted.truth();
        assertThat(mean(correlations(planted, together(truth)))).isCloseTo(0.49, within(0.03));
        double[] others = correlations(planted, (i, j) -> !together(truth).have(i, j));
        assertThat(mean(others)).isCloseTo(0, within(0.01));
        assertThat(Arrays.stream(others).map(Math::abs).max().orElseThrow()).isLessThan(0.1);
        Planted uneven = PlantedModules.of(
                Kind.OVERLAPPING_STRENGTHS.plan().prompts(3000).noise(0), 1);
        double[] range = correlations(uneven, together(uneven.truth()));
        assertThat(mean(range)).isCloseTo(0.36, within(0.05));
        assertThat(Arrays.stream(range).min().orElseThrow()).isLessThan(0.15);
        assertThat(Arrays.stream(range).max().orElseThrow()).isGreaterThan(0.7);
    }

    @Test
    void groupsAreTheUpperLevelOfAHierarchy() {
        Planted planted =
                PlantedModules.of(Kind.HIERARCHICAL.plan().prompts(3000).noise(20), 1);
        int[] truth = planted.truth();
        int[] groups = planted.groups();
        assertThat(mean(correlations(planted, together(truth)))).isCloseTo(0.64, within(0.03));
        Pairs cousins =
                (i, j) -> together(groups).have(i, j) && !together(truth).have(i, j);
        assertThat(mean(correlations(planted, cousins))).isCloseTo(0.32, within(0.03));
        Pairs strangers = (i, j) -> !together(groups).have(i, j);
        assertThat(mean(correlations(planted, strangers))).isCloseTo(0, within(0.03));
        assertThat(Arrays.stream(groups).distinct()).hasSize(4);
    }

    @Test
    void coursesCorrelateWhereTheyAreSaidTo() {
        Planted planted =
                PlantedModules.of(Kind.CORRELATED_COURSES.plan().prompts(3000).noise(20), 1);
        int[] truth = planted.truth();
        Pairs others = (i, j) -> truth[i] >= 0 && truth[j] >= 0 && truth[i] != truth[j];
        assertThat(mean(correlations(planted, others))).isCloseTo(0.3 * 0.49, within(0.03));
    }

    @Test
    void thereArePairsOfBothSigns() {
        for (Kind kind : new Kind[] {Kind.PARALLEL, Kind.OPPOSITE}) {
            Planted planted = PlantedModules.of(kind, 2);
            double[] correlations = correlations(planted, together(planted.truth()));
            // Twins of four modules, 70 in all, and ten pairs.
            assertThat(Arrays.stream(correlations).filter(r -> Math.abs(r) > 0.9))
                    .hasSizeBetween(75, 90);
            long opposite = Arrays.stream(correlations).filter(r -> r < -0.9).count();
            if (kind == Kind.PARALLEL) {
                assertThat(Arrays.stream(correlations).min().orElseThrow()).isPositive();
            } else {
                assertThat(opposite).isBetween(35L, 55L);
            }
        }
    }

    @Test
    void unitsFallSilent() {
        for (Kind kind : new Kind[] {Kind.SPARSE, Kind.NOTHING_SPARSE, Kind.BEHIND_RELU, Kind.NOTHING_BEHIND_RELU}) {
            double[][] columns = columns(PlantedModules.of(kind, 4));
            double silent = Arrays.stream(columns)
                    .mapToDouble(
                            column -> Arrays.stream(column).filter(x -> x == 0).count() / (double) column.length)
                    .average()
                    .orElseThrow();
            boolean sparse = kind == Kind.SPARSE || kind == Kind.NOTHING_SPARSE;
            assertThat(silent).isCloseTo(sparse ? 0.93 : 0.62, within(0.04));
            assertThat(Arrays.stream(columns)
                            .flatMapToDouble(Arrays::stream)
                            .min()
                            .orElseThrow())
                    .isZero();
        }
    }

    @Test
    void twoUnitsOutshineAllOthers() {
        for (Kind kind : new Kind[] {Kind.BRIGHT, Kind.NOTHING_BRIGHT}) {
            Planted planted = PlantedModules.of(kind, 4);
            double[][] columns = columns(planted);
            int[] bright = IntStream.range(0, columns.length)
                    .filter(i ->
                            Arrays.stream(columns[i]).map(Math::abs).average().orElseThrow() > 100)
                    .toArray();
            assertThat(bright).hasSize(2);
            assertThat(Arrays.stream(bright).map(unit -> planted.truth()[unit])).containsOnly(PlantedModules.ALONE);
        }
    }

    @Test
    void tailsAreHeavyAndOfVarianceOne() {
        Random random = new Random(1);
        double[] values = IntStream.range(0, 1_000_000)
                .mapToDouble(i -> PlantedModules.Law.STUDENT_3.draw(random))
                .toArray();
        assertThat(Arrays.stream(values).map(x -> x * x).average().orElseThrow())
                .isCloseTo(1, within(0.1));
        // The probability of more than 4 is 0.006 for Student's law of variance 1, and 0.00006 for the normal one.
        assertThat(Arrays.stream(values).filter(x -> Math.abs(x) > 4).count()).isBetween(5500L, 7000L);
    }

    @Test
    void agreementCountsUnitsThatAreAloneAsClassesOfTheirOwn() {
        int[] truth = {0, 0, 0, 1, 1, -1, -1, -1};
        assertThat(PlantedModules.agreement(truth, truth)).isEqualTo(1);
        assertThat(PlantedModules.agreement(truth, new int[] {0, 0, 0, 1, 1, 2, 2, 2}))
                .isLessThan(1);
        assertThat(PlantedModules.agreement(truth, new int[] {5, 5, 5, 2, 2, -1, 0, 1}))
                .isEqualTo(1);
        assertThat(PlantedModules.agreement(new int[] {-1, -1, -1}, new int[] {-1, -1, -1}))
                .isEqualTo(1);
        assertThat(PlantedModules.agreement(new int[] {-1, -1, -1}, new int[] {0, 0, -1}))
                .isZero();
    }
}
