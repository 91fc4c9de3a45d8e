package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.metrics.internal.linear.Columns;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The course of a module, and who follows it. */
class FollowersTest {

    private static final int PROMPTS = 100;

    /**
     * Units 0 to 9 follow a course, every second one with the opposite sign if signs are asked for; 10 and 11 are nearly one; all
     * others are noise.
     */
    private static Columns columns(boolean signs, long seed) {
        Random random = new Random(seed);
        float[][] vectors = new float[PROMPTS][40];
        for (float[] vector : vectors) {
            double course = random.nextGaussian();
            double ofPair = random.nextGaussian();
            for (int i = 0; i < vector.length; i++) {
                double sign = signs && i % 2 == 1 ? -1 : 1;
                double follows = i < 10 ? sign * 0.8 * course : i < 12 ? 5 * ofPair : 0;
                vector[i] = (float) (3 + follows + 0.6 * random.nextGaussian());
            }
        }
        return Columns.of(LinksTest.activations(vectors));
    }

    private static List<Integer> units(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    private static List<Integer> with(List<Integer> units, Integer... others) {
        List<Integer> all = new ArrayList<>(units);
        all.addAll(List.of(others));
        return all;
    }

    @Test
    void noiseThatWasDealtIntoAGroupLeavesIt() {
        int left = 0;
        for (long seed = 0; seed < 10; seed++) {
            Columns columns = columns(false, seed);
            Followers followers = new Followers(new OverPrompts(columns), false);
            assertThat(followers.of(List.of(units(0, 10)))).containsExactly(units(0, 10));
            for (List<List<Integer>> groups : List.of(
                    List.of(with(units(0, 10), 20, 21, 22, 23), units(24, 40)),
                    // As many as there are members, and before them.
                    List.of(with(units(20, 30), units(0, 10).toArray(Integer[]::new))))) {
                List<List<Integer>> followed = followers.of(groups);
                assertThat(followed)
                        .singleElement()
                        .satisfies(group -> assertThat(group).containsAll(units(0, 10)));
                left += followed.get(0).size() - 10;
            }
        }
        // Of 20 searches, and 140 units that don't belong there, a tenth of a unit is expected each at most.
        assertThat(left).isLessThanOrEqualTo(4);
    }

    @Test
    void aPairThatNoiseWasDealtToStays() {
        for (long seed = 0; seed < 10; seed++) {
            Followers followers = new Followers(new OverPrompts(columns(false, seed)), false);
            assertThat(followers.of(List.of(List.of(10, 11, 30)))).containsExactly(List.of(10, 11));
            assertThat(followers.of(List.of(List.of(10, 11, 30, 31, 32)))).containsExactly(List.of(10, 11));
            assertThat(followers.of(List.of(List.of(10, 30)))).isEmpty();
            assertThat(followers.of(List.of(List.of(10), List.of()))).isEmpty();
            assertThat(followers.of(List.of())).isEmpty();
        }
    }

    @Test
    void byAbsoluteCorrelationSignsDoNotMatter() {
        for (long seed = 0; seed < 10; seed++) {
            Columns columns = columns(true, seed);
            assertThat(new Followers(new OverPrompts(columns), true).of(List.of(with(units(0, 10), 20, 21, 22, 23))))
                    .containsExactly(units(0, 10));
            // Noise comes first, so that it is what signs are first taken from.
            assertThat(new Followers(new OverPrompts(columns), true)
                            .of(List.of(with(List.of(20), units(0, 10).toArray(Integer[]::new)))))
                    .containsExactly(units(0, 10));
            List<List<Integer>> signed = new Followers(new OverPrompts(columns), false).of(List.of(units(0, 10)));
            assertThat(signed)
                    .allMatch(group -> group.stream().map(i -> i % 2).distinct().count() == 1);
        }
    }

    @Test
    void asAPartitionAllOthersAreAlone() {
        int[] partition = new Followers(new OverPrompts(columns(false, 1)), false)
                .partition(List.of(with(units(0, 10), 20), List.of(10, 11), units(21, 40)));
        assertThat(Arrays.copyOf(partition, 10)).containsOnly(0);
        assertThat(partition[10]).isEqualTo(partition[11]).isEqualTo(1);
        assertThat(IntStream.of(partition).distinct()).hasSize(2 + 28);
    }

    @Test
    void aCourseIsTheSumOfItsMembers() {
        Columns columns = columns(true, 2);
        for (boolean absolute : new boolean[] {false, true}) {
            List<Integer> members = List.of(3, 0, 5, 8, 20);
            Course course = new Course(columns, members, absolute);
            double[][] rows = members.stream().map(columns::standardised).toArray(double[][]::new);
            double[] sum = new double[PROMPTS];
            for (int i = 0; i < rows.length; i++) {
                for (int k = 0; k < PROMPTS; k++) {
                    sum[k] += course.sign(i) * rows[i][k];
                }
            }
            for (int k = 0; k < PROMPTS; k++) {
                assertThat(course.values()[k]).isCloseTo(sum[k], within(1e-12));
            }
            for (int i = 0; i < rows.length; i++) {
                double[] others = new double[PROMPTS];
                double correlations = 0;
                for (int j = 0; j < rows.length; j++) {
                    double r = 0;
                    for (int k = 0; k < PROMPTS; k++) {
                        others[k] += j == i ? 0 : course.sign(j) * rows[j][k];
                        r += course.sign(i) * course.sign(j) * rows[i][k] * rows[j][k];
                    }
                    correlations += j == i ? 0 : r;
                }
                double length = Math.sqrt(Arrays.stream(others).map(x -> x * x).sum());
                assertThat(course.withOthers(i)).isCloseTo(correlations, within(1e-12));
                assertThat(course.correlation(i)).isCloseTo(correlations / length, within(1e-12));
            }
            if (absolute) {
                assertThat(course.sign(1)).isNotEqualTo(course.sign(0)).isEqualTo(course.sign(3));
                assertThat(course.sign(2)).isEqualTo(course.sign(0));
            }
        }
        assertThat(new Course(columns, List.of(4), false).correlation(0)).isZero();
    }

    @Test
    void plantedValuesGoTogetherAsTheMeasuredOnesDo() {
        for (boolean absolute : new boolean[] {false, true}) {
            Columns columns = columns(absolute, 3);
            List<List<Integer>> modules = List.of(units(0, 10), List.of(10, 11));
            double[] measured = cohesions(columns, modules, absolute);
            double[] planted = new double[2];
            double outside = 0;
            int times = 20;
            for (int seed = 0; seed < times; seed++) {
                Columns made = PlantedValues.of(
                                new OverPrompts(columns), modules, absolute, new java.util.SplittableRandom(seed))
                        .columns();
                double[] now = cohesions(made, modules, absolute);
                planted[0] += now[0] / times;
                planted[1] += now[1] / times;
                outside +=
                        Cohesion.of(new OverPrompts(made), units(11, 40), false).correlation() / times;
            }
            assertThat(planted[0]).isCloseTo(measured[0], within(0.03));
            assertThat(planted[1]).isCloseTo(measured[1], within(0.01));
            assertThat(outside).isCloseTo(0, within(0.01));
        }
    }

    private static double[] cohesions(Columns columns, List<List<Integer>> modules, boolean absolute) {
        return modules.stream()
                .mapToDouble(members ->
                        Cohesion.of(new OverPrompts(columns), members, absolute).correlation())
                .toArray();
    }

    @Test
    void withoutAModulePlantedValuesAreNoise() {
        Columns made = PlantedValues.of(
                        new OverPrompts(columns(false, 4)), List.of(), false, new java.util.SplittableRandom(1))
                .columns();
        assertThat(made.size()).isEqualTo(PROMPTS);
        assertThat(Cohesion.of(new OverPrompts(made), units(0, 40), false).correlation())
                .isCloseTo(0, within(0.02));
    }
}
