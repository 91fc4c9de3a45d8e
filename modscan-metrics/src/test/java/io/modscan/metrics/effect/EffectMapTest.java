package io.modscan.metrics.effect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Outcome.Sense;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EffectMapTest {

    private static final Site SITE =
            new Site("blocks.0.mlp.hook_post", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(3)), false);
    private static final List<Target> TARGETS = Target.each(List.of(Unit.of(SITE, 0), Unit.of(SITE, 1)));
    private static final int EACH = 12;

    /** Prompts of x, then as many of y; the first target does x something, the second nobody. */
    private static EffectMap map(Sense sense, String prefix, float onX) {
        float[][] effects = new float[2][2 * EACH];
        for (int i = 0; i < EACH; i++) {
            effects[0][i] = onX * (1 + 0.01f * i);
            effects[0][EACH + i] = 0.001f * onX * (i % 3 - 1);
            effects[1][i] = 1e-7f * (i % 2 == 0 ? 1 : -1);
        }
        List<String> labels = new ArrayList<>();
        IntStream.range(0, 2 * EACH).forEach(i -> labels.add(i < EACH ? "x" : "y"));
        float[] untouched = new float[2 * EACH];
        Arrays.fill(untouched, 3);
        List<String> ids =
                IntStream.range(0, 2 * EACH).mapToObj(i -> prefix + i).toList();
        return EffectMap.of("it", sense, TARGETS, ids, labels, untouched, effects);
    }

    @Test
    void whatIsNeededRisesAsACostAndFallsAsAScore() {
        String unit = TARGETS.get(0).name();
        assertThat(map(Sense.COST, "p", 0.5f).get(unit, "x").isNeeded()).isTrue();
        assertThat(map(Sense.COST, "p", -0.5f).get(unit, "x").isNeeded()).isFalse();
        assertThat(map(Sense.SCORE, "p", -0.5f).get(unit, "x").isNeeded()).isTrue();
        assertThat(map(Sense.SCORE, "p", 0.5f).top("x", 5)).isEmpty();
        assertThat(map(Sense.SCORE, "p", -0.5f).top("x", 5)).hasSize(1);
        UnitEffect distance = map(Sense.DISTANCE, "p", 0.5f).get(unit, "x");
        assertThat(distance.p()).isNaN();
        assertThat(distance.isNeeded()).isTrue();
    }

    @Test
    void roundingIsNoEffect() {
        UnitEffect row = map(Sense.COST, "p", 0.5f).get(TARGETS.get(1).name(), "x");
        assertThat(row.p()).isEqualTo(1);
        assertThat(row.selectiveP()).isEqualTo(1);
    }

    /** Twelve values of 0.5 · (1 + i/100): mean 0.5275, and SciPy's stats.t.interval(0.95, 11, mean, stats.sem(x)) and exact wilcoxon(x). */
    @Test
    void intervalsAndPAreStudentsAndWilcoxons() {
        UnitEffect row = map(Sense.COST, "p", 0.5f).get(TARGETS.get(0).name(), "x");
        assertThat(row.effect()).isCloseTo(0.5275, within(1e-6));
        double half = 2.200985160082949 * 0.018027756377319945 / Math.sqrt(12);
        assertThat(row.low()).isCloseTo(0.5275 - half, within(1e-6));
        assertThat(row.high()).isCloseTo(0.5275 + half, within(1e-6));
        assertThat(row.p()).isCloseTo(2 / 4096.0, within(1e-12));
        assertThat(map(Sense.COST, "p", 0.5f).leastP("x")).isEqualTo(2 / 4096.0);
        assertThat(row.selectiveLow()).isLessThan(row.selective()).isGreaterThan(0.5);
    }

    @Test
    void whatIsNoNumberIsTold() {
        EffectMap map = EffectMap.of(
                "it", TARGETS, List.of("a", "b", "c", "d"), List.of("x", "x", "y", "y"), new float[4], new float[][] {
                    {1, Float.NaN, 0, 0}, {1, 1, 0, 0}
                });
        assertThat(map.nonFinite()).isEqualTo(Map.of(TARGETS.get(0).name(), List.of("b")));
        assertThat(map.get(TARGETS.get(0).name(), "x").p()).isNaN();
        assertThat(map.get(TARGETS.get(1).name(), "x").p()).isEqualTo(0.5);
    }

    @Test
    void onlyTheSameStudyMerges() {
        EffectMap map = map(Sense.COST, "p", 0.5f);
        assertThat(map.merge(map(Sense.COST, "q", 0.5f))
                        .get(TARGETS.get(0).name(), "x")
                        .prompts())
                .isEqualTo(2 * EACH);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> map.merge(map(Sense.SCORE, "q", 0.5f)))
                .withMessageContaining("same model, outcome, replacement and targets");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> map.merge(map))
                .withMessageContaining("'p0' is in both");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EffectMap.of(
                        "it",
                        List.of(TARGETS.get(0), TARGETS.get(0)),
                        List.of("a"),
                        List.of("x"),
                        new float[1],
                        new float[2][1]))
                .withMessageContaining("same name");
    }

    @Test
    void areasOfACurveAreThoseOfItsTrapezoids() {
        Curve curve = new Curve(
                "r", "x", true, 1, 5, List.of(new Curve.Point(0.1, 1, 3, 3, 3), new Curve.Point(0.5, 5, 0, 0, 0)));
        // Faithfulness 0, 0.5, 1.25, 1 at 0, 0.1, 0.5, 1.
        assertThat(curve.cpr()).isCloseTo(0.025 + 0.35 + 0.5625, within(1e-12));
        assertThat(curve.cmd()).isCloseTo(0.075 + 0.15 + 0.0625, within(1e-12));
    }
}
