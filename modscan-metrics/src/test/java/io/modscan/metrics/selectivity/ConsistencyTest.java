package io.modscan.metrics.selectivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Unit;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ConsistencyTest {

    /** 61 prompts of four labels, "d" with one; of 50 units, the first ten respond to "a", five up and five down. */
    private static Activations planted(long seed) {
        Random random = new Random(seed);
        List<String> labels = new ArrayList<>(List.of("d"));
        float[][] values = new float[61][50];
        for (int i = 0; i < values.length; i++) {
            if (i > 0) {
                labels.add("abc".substring(i % 3, i % 3 + 1));
            }
            for (int unit = 0; unit < 50; unit++) {
                values[i][unit] = (float) random.nextGaussian();
                if (unit < 10 && labels.get(i).equals("a")) {
                    values[i][unit] += unit < 5 ? 3 : -3;
                }
            }
        }
        return PlantedModel.of(labels, values);
    }

    /** 300 units that respond to nothing. */
    private static Activations nothing(long seed) {
        Random random = new Random(seed);
        float[][] values = new float[60][300];
        for (float[] vector : values) {
            for (int unit = 0; unit < vector.length; unit++) {
                vector[unit] = (float) random.nextGaussian();
            }
        }
        return PlantedModel.of(
                Collections.nCopies(20, List.of("a", "b", "c")).stream()
                        .flatMap(List::stream)
                        .toList(),
                values);
    }

    private static boolean same(ConsistencyMap a, ConsistencyMap b) {
        return a.rows().toList().equals(b.rows().toList()) && a.correlation("a") == b.correlation("a");
    }

    @Test
    void keepsTheContract() {
        MetricContract.of(Consistency.by("topic"), planted(1))
                .comparing(ConsistencyTest::same)
                .onNaN(map -> {
                    UnitConsistency row = map.get(Unit.of(map.sites().get(0), 0), "a");
                    assertThat(Double.isNaN(row.firstAuroc()) || Double.isNaN(row.secondAuroc()))
                            .isTrue();
                    assertThat(map.correlation("a")).isFinite();
                })
                .verify();
    }

    @Test
    void findsWhatHoldsInBothHalves() {
        ConsistencyMap map = planted(2).measure(Consistency.by("topic"));
        assertThat(map.highest("a", 5, UnitConsistency::firstAuroc))
                .allMatch(row -> row.unit().unit().orElseThrow() < 5 && row.agrees() && row.holds(0.01));
        assertThat(map.count("a", row -> row.holds(0.01))).isBetween(10L, 11L);
        assertThat(map.count("b", row -> row.holds(0.01))).isLessThanOrEqualTo(1);
        assertThat(map.correlation("a")).isGreaterThan(0.8);
        ConsistencyMap shuffled = nothing(2).measure(Consistency.by("topic"));
        assertThat(shuffled.correlation("a")).isBetween(-0.2, 0.2);
        assertThat(shuffled.count("a", row -> row.holds(0.01))).isLessThanOrEqualTo(1);
    }

    @Test
    void aHalfIsWhatItsPromptsGiveAlone() {
        Activations all = planted(3);
        ConsistencyMap map = all.measure(Consistency.by("topic").withSeed(5));
        Set<String> first = Halves.first(all.prompts(), all.prompts().labels("topic"), 5);
        SelectivityMap alone = all.where(prompt -> first.contains(prompt.id())).measure(Selectivity.by("topic"));
        assertThat(map.first().rows()).isEqualTo(alone.rows().toList());
        assertThat(map.labels().stream().map(map.first()::prompts)).containsExactly(10L, 10L, 10L, 1L);
        assertThat(map.labels().stream().map(map.second()::prompts)).containsExactly(10L, 10L, 10L, 0L);
        assertThat(map.labels().stream().map(map::prompts)).containsExactly(20L, 20L, 20L, 1L);
        map.rows().filter(row -> !row.label().equals("d")).forEach(row -> {
            UnitSelectivity one = alone.get(row.unit(), row.label());
            assertThat(row.firstAuroc()).isEqualTo(one.auroc());
            assertThat(row.firstHedgesG()).isEqualTo(one.hedgesG());
            assertThat(row.firstP()).isEqualTo(one.p());
            // "d" is not in the second half, and the others are measured without it.
            assertThat(row.secondAuroc()).isBetween(0.0, 1.0);
            assertThat(row.secondP()).isBetween(0.0, 1.0);
            assertThat(row.secondHedgesG()).isFinite();
        });
    }

    @Test
    void aLabelOfOnePromptHasNoSecondHalf() {
        ConsistencyMap map = planted(4).measure(Consistency.by("topic"));
        assertThat(map.count(
                        "d",
                        row -> Double.isNaN(row.secondAuroc())
                                && Double.isNaN(row.secondP())
                                && Double.isNaN(row.secondHedgesG())))
                .isEqualTo(50);
        assertThat(map.count("d", UnitConsistency::agrees)).isZero();
        assertThat(map.correlation("d")).isNaN();
    }

    @Test
    void correlatesAsDefined() {
        ConsistencyMap map = planted(5).measure(Consistency.by("topic"));
        double[] x = map.first()
                .rows()
                .filter(row -> row.label().equals("a"))
                .mapToDouble(UnitSelectivity::auroc)
                .toArray();
        double[] y = map.second()
                .rows()
                .filter(row -> row.label().equals("a"))
                .mapToDouble(UnitSelectivity::auroc)
                .toArray();
        double n = x.length;
        double sx = IntStream.range(0, x.length).mapToDouble(i -> x[i]).sum();
        double sy = IntStream.range(0, x.length).mapToDouble(i -> y[i]).sum();
        double sxy = IntStream.range(0, x.length).mapToDouble(i -> x[i] * y[i]).sum();
        double sxx = IntStream.range(0, x.length).mapToDouble(i -> x[i] * x[i]).sum();
        double syy = IntStream.range(0, x.length).mapToDouble(i -> y[i] * y[i]).sum();
        double expected = (n * sxy - sx * sy) / Math.sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
        assertThat(map.correlation("a")).isCloseTo(expected, within(1e-12));
    }

    @Test
    void constantUnitsHaveNoCorrelation() {
        float[] same = {1, 1};
        ConsistencyMap map = PlantedModel.of(List.of("a", "a", "b", "b"), same, same, same, same)
                .measure(Consistency.by("topic"));
        assertThat(map.correlation("a")).isNaN();
        assertThat(map.count(UnitConsistency::agrees)).isZero();
    }

    @Test
    void halvesFollowFromIdsAndSeedAlone() {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < 41; i++) {
            prompts.add(Prompt.of("p" + i, "text").withLabel("topic", i % 4 == 0 ? "a" : "b"));
        }
        Prompts inOrder = Prompts.of(prompts);
        Set<String> expected = Halves.first(inOrder, inOrder.labels("topic"), 0);
        assertThat(expected.stream().filter(id -> Integer.parseInt(id.substring(1)) % 4 == 0))
                .hasSize(6);
        assertThat(expected).hasSize(6 + 15);
        Collections.shuffle(prompts, new Random(1));
        Prompts shuffled = Prompts.of(prompts);
        assertThat(Halves.first(shuffled, shuffled.labels("topic"), 0)).isEqualTo(expected);
        Set<Set<String>> bySeed = new HashSet<>();
        for (long seed = 0; seed < 20; seed++) {
            bySeed.add(Halves.first(inOrder, inOrder.labels("topic"), seed));
        }
        assertThat(bySeed).hasSize(20);
    }

    @Test
    void saysWhatIsWrong() {
        Activations two = PlantedModel.of(List.of("a", "b"), new float[] {1}, new float[] {2});
        assertThatThrownBy(() -> two.measure(Consistency.by("topic")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no topic has two prompts");
        assertThatThrownBy(() -> two.slice(0, 1).measure(Consistency.by("topic")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("at least two are needed");
    }
}
