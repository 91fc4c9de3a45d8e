package io.modscan.metrics.effect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LightsAndEffectsTest {

    private static final Site SITE =
            new Site("blocks.0.mlp.hook_post", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(3)), false);
    private static final List<String> IDS = List.of("a", "b", "c", "d");
    private static final List<String> LABELS = List.of("x", "x", "y", "y");
    private static final float[] UNTOUCHED = {1, 1, 1, 1};

    private final List<Target> targets = Target.each(
            IntStream.range(0, 3).mapToObj(unit -> Unit.of(SITE, unit)).toList());

    /** Unit 0 is brighter for x, unit 1 for both alike, unit 2 for y. */
    private static SelectivityMap lights() {
        Prompts prompts = Prompts.of(IntStream.range(0, 4)
                .mapToObj(i -> Prompt.of(IDS.get(i), "text").withLabel("topic", LABELS.get(i)))
                .toList());
        float[][] values = {{3, 1, 0}, {4, 2, 1}, {0, 1, 3}, {1, 2, 4}};
        return Activations.builder(prompts)
                .site(SITE, Pooling.mean(), values)
                .build()
                .measure(Selectivity.by("topic"));
    }

    @Test
    void theCorrelationIsOneWhereTheBrighterIsTheMoreNeeded() {
        EffectMap effects = EffectMap.of(
                "loss", targets, IDS, LABELS, UNTOUCHED, new float[][] {{2, 2, 0, 0}, {1, 1, 1, 1}, {0, 0, 2, 2}});
        assertThat(effects.rankCorrelation(lights(), UnitEffect::selective)).isCloseTo(1, within(1e-12));
        assertThat(effects.rankCorrelation(lights(), row -> -row.selective())).isCloseTo(-1, within(1e-12));
    }

    /** Ranks of the AUROC are 5.5, 1.5, 3.5, 3.5, 1.5, 5.5 and those of the effects 6, 3, 1, 4, 2, 5: checked by hand, 12 / √(16 · 17.5). */
    @Test
    void tiesShareTheirRank() {
        EffectMap effects = EffectMap.of(
                "loss", targets, IDS, LABELS, UNTOUCHED, new float[][] {{6, 6, 3, 3}, {1, 1, 4, 4}, {2, 2, 5, 5}});
        assertThat(effects.rankCorrelation(lights(), UnitEffect::effect))
                .isCloseTo(12 / Math.sqrt(16 * 17.5), within(1e-12));
    }

    /** Ranks of the labels' effects are 6, 3, 1, 4, 2, 5; of the others' 6, 3, 1, 4, 5, 2: 1 − 6 · 18 / 210. A target that only one has is left out. */
    @Test
    void effectsAreHeldAgainstOtherEffectsOfTheSameTargets() {
        EffectMap effects = EffectMap.of(
                "loss", targets, IDS, LABELS, UNTOUCHED, new float[][] {{6, 6, 3, 3}, {1, 1, 4, 4}, {2, 2, 5, 5}});
        EffectMap others = EffectMap.of(
                "loss",
                List.of(new Target("another", targets.get(0).units()), targets.get(2), targets.get(1), targets.get(0)),
                IDS,
                LABELS,
                UNTOUCHED,
                new float[][] {{9, 9, 9, 9}, {5, 5, 2, 2}, {1, 1, 4, 4}, {6, 6, 3, 3}});
        assertThat(effects.rankCorrelation(others, UnitEffect::effect)).isCloseTo(1 - 6 * 18 / 210.0, within(1e-12));
        assertThat(effects.rankCorrelation(others, row -> Double.NaN)).isNaN();
    }

    @Test
    void whatIsNotOfOneUnitIsLeftOut() {
        EffectMap effects = EffectMap.of(
                "loss",
                List.of(new Target("both", List.of(Unit.of(SITE, 0), Unit.of(SITE, 1)))),
                IDS,
                LABELS,
                UNTOUCHED,
                new float[][] {{1, 1, 0, 0}});
        assertThat(effects.rankCorrelation(lights(), UnitEffect::effect)).isNaN();
    }

    @Test
    void effectsAreAsManyAsTargetsAndPrompts() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EffectMap.of("loss", targets, IDS, LABELS, UNTOUCHED, new float[][] {{1, 1, 0, 0}}))
                .withMessageContaining("of 3 targets and 4 prompts");
    }
}
