package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.rank.ChanceLevel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The rule of Benjamini and Hochberg by bins beside the same by sorting. */
class LinkThresholdTest {

    private static final double BIN = 1.0 / (1 << 14);

    private static Columns columns(int prompts, int units, int together, double loading, long seed) {
        Random random = new Random(seed);
        float[][] vectors = new float[prompts][units];
        for (float[] vector : vectors) {
            double course = random.nextGaussian();
            for (int i = 0; i < units; i++) {
                double sign = i % 2 == 0 ? 1 : -1;
                double follows = i < together ? sign * loading * course : 0;
                vector[i] = (float) (follows + Math.sqrt(1 - loading * loading) * random.nextGaussian());
            }
        }
        return Columns.of(LinksTest.activations(vectors));
    }

    /** Of all pairs. */
    private static List<Double> correlations(Columns columns, boolean absolute) {
        List<Double> all = new ArrayList<>();
        for (int i = 0; i < columns.units().size(); i++) {
            for (int j = i + 1; j < columns.units().size(); j++) {
                double[] one = columns.standardised(i);
                double[] other = columns.standardised(j);
                double r = IntStream.range(0, one.length)
                        .mapToDouble(k -> one[k] * other[k])
                        .sum();
                all.add(absolute ? Math.abs(r) : r);
            }
        }
        all.sort(Comparator.reverseOrder());
        return all;
    }

    /** How many of the sorted correlations the rule takes: up to the last one whose p-value is small for its rank. */
    private static int taken(List<Double> sorted, int prompts, boolean absolute) {
        int taken = 0;
        for (int i = 0; i < sorted.size(); i++) {
            double r = sorted.get(i);
            double p = r <= 0 ? 1 : ChanceLevel.share(r, prompts) * (absolute ? 1 : 0.5);
            if (p <= 0.05 * (i + 1) / sorted.size()) {
                taken = i + 1;
            }
        }
        return taken;
    }

    @Test
    void agreesWithSortedPairs() {
        for (boolean absolute : new boolean[] {false, true}) {
            for (long seed = 0; seed < 5; seed++) {
                Columns columns = columns(60, 80, 30, 0.75, seed);
                List<Double> sorted = correlations(columns, absolute);
                int taken = taken(sorted, 60, absolute);
                assertThat(taken).isGreaterThan(50);
                double threshold = LinkThreshold.of(new OverPrompts(columns), absolute);
                long linked = sorted.stream().filter(r -> r >= threshold).count();
                // The rule holds at the threshold itself, and by a bin below the last one that was taken it would not
                // any more.
                assertThat(sorted.size() * ChanceLevel.share(threshold, 60) * (absolute ? 1 : 0.5))
                        .isLessThanOrEqualTo(0.05 * linked);
                assertThat(threshold).isLessThanOrEqualTo(sorted.get(taken - 1) + BIN);
                assertThat(linked).isBetween(taken - 3L, (long) taken);
            }
        }
    }

    @Test
    void whereNothingGoesTogetherHardlyAnythingIsLinked() {
        int seedsWithLinks = 0;
        for (long seed = 0; seed < 60; seed++) {
            Columns columns = columns(50, 60, 0, 0, 100 + seed);
            double threshold = LinkThreshold.of(new OverPrompts(columns), false);
            boolean linked = correlations(columns, false).get(0) >= threshold;
            seedsWithLinks += linked ? 1 : 0;
            if (!linked) {
                // That of any pair at all.
                assertThat(threshold).isCloseTo(ChanceLevel.of(50, 60 * 59 / 2.0, false), within(BIN));
            }
        }
        // One of twenty is expected; nine or more come with a probability of 0.003.
        assertThat(seedsWithLinks).isLessThan(9);
    }

    @Test
    void theMoreGoesTogetherTheLessMakesALink() {
        double few = LinkThreshold.of(new OverPrompts(columns(60, 80, 10, 0.7, 1)), true);
        double many = LinkThreshold.of(new OverPrompts(columns(60, 80, 60, 0.7, 1)), true);
        assertThat(many).isLessThan(few);
        assertThat(LinkThreshold.of(new OverPrompts(columns(60, 80, 60, 0.7, 1)), false))
                .isGreaterThan(many);
    }

    @Test
    void perfectAndLoneUnits() {
        Columns same = Columns.of(LinksTest.activations(new float[][] {{1, 2, 3}, {2, 4, 6}, {5, 10, 15}, {3, 6, 9}}));
        assertThat(LinkThreshold.of(new OverPrompts(same), false)).isBetween(0.9, 1.0);
        Columns lone = Columns.of(LinksTest.activations(new float[][] {{1}, {2}, {4}}));
        assertThat(LinkThreshold.of(new OverPrompts(lone), false)).isBetween(0.0, 1.0);
        Columns none = Columns.of(LinksTest.activations(new float[5][3]));
        assertThat(LinkThreshold.of(new OverPrompts(none), false)).isBetween(0.0, 1.0);
    }

    /** Of more units than a tile has rows, each pair counts once. */
    @Test
    void tilesAddUp() {
        Columns columns = columns(12, 1200, 400, 0.95, 3);
        double threshold = LinkThreshold.of(new OverPrompts(columns), false);
        List<Double> sorted = correlations(columns, false);
        long linked = sorted.stream().filter(r -> r >= threshold).count();
        assertThat(linked).isBetween((long) (0.99 * taken(sorted, 12, false)), (long) taken(sorted, 12, false));
    }
}
