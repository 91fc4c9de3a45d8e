package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Probe;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Ablation;
import io.modscan.metrics.effect.Attribution;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.onnx.opt.OptModel;
import io.modscan.scan.PlantedOpt.Planted;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Ablation, and what gradients estimate of it, find the units that do the work, and none of those that only light up or do nothing, over models planted by many seeds. What
 * it claims is what {@link UnitEffect#isNeeded} says: a positive effect on the label that is larger than on the others, both with q ≤ 0.05. {@code modscan.seeds} tells how many seeds; 5 unless set.
 */
class PlantedCausalTest {

    private static final int SEEDS = Integer.getInteger("modscan.seeds", 5);
    private static final int PER_TOPIC = 30;
    private static final int RANDOM_NEURONS = 40;
    private static final double RATE = 0.05;
    private static final double RECALL = 0.95;

    /** By ablation, or as gradients estimate it. */
    enum By {
        MEAN,
        ZERO,
        GRADIENT_TO_MEAN,
        GRADIENT_TO_ZERO,
        INTEGRATED_GRADIENT
    }

    /** A unit and a label. */
    private record Pair(Unit unit, String label) {}

    @TempDir
    Path folder;

    private int decoys;
    private int litDecoys;
    private int causal;
    private int found;
    private int claimed;
    private int claimedOfNothing;
    private int runsWithClaimsOfNothing;

    @ParameterizedTest
    @EnumSource
    void claimsAreTheCausalUnitsAndNoOthers(By by) {
        for (int seed = 0; seed < SEEDS; seed++) {
            judge(by, seed);
        }
        String told = String.format(
                Locale.ROOT,
                "%s, %d seeds: %d of %d decoys light up; %d of %d causal pairs found, %d false among %d claims; of shuffled labels"
                        + " %d claims, in %d runs",
                by,
                SEEDS,
                litDecoys,
                decoys,
                found,
                causal,
                claimed - found,
                claimed,
                claimedOfNothing,
                runsWithClaimsOfNothing);
        System.out.println(told);
        assertThat((double) litDecoys / decoys).as(told).isGreaterThanOrEqualTo(RECALL);
        assertThat((double) found / causal).as(told).isGreaterThanOrEqualTo(RECALL);
        assertThat((double) (claimed - found) / claimed).as(told).isLessThanOrEqualTo(RATE);
        // Where there is nothing to be found, the rate is that of runs with any claim. Three standard errors.
        assertThat((double) runsWithClaimsOfNothing / SEEDS)
                .as(told)
                .isLessThanOrEqualTo(RATE + 3 * Math.sqrt(RATE * (1 - RATE) / SEEDS));
    }

    private void judge(By by, int seed) {
        PlantedOpt made = new PlantedOpt(seed);
        OptModel model = made.load(folder.resolve("seed" + seed));
        Prompts prompts = PlantedTopics.prompts(PER_TOPIC, 1000 + seed);
        SelectivityMap lit = lit(model, prompts);
        List<Unit> candidates = new ArrayList<>(made.randomHeads(model));
        candidates.addAll(made.randomNeurons(model, RANDOM_NEURONS));
        Set<Pair> truth = new HashSet<>();
        for (Planted unit : made.planted(model)) {
            candidates.add(unit.unit());
            if (unit.isCausal()) {
                truth.add(new Pair(unit.unit(), unit.topic()));
            } else {
                decoys++;
                litDecoys += lit.get(unit.unit(), unit.topic()).q() <= RATE ? 1 : 0;
            }
        }
        List<Pair> claims = claims(run(model, candidates, by, prompts));
        causal += truth.size();
        claimed += claims.size();
        found += (int) claims.stream().filter(truth::contains).count();

        List<Pair> ofNothing = claims(run(model, candidates, by, PlantedTopics.shuffled(prompts, seed)));
        claimedOfNothing += ofNothing.size();
        runsWithClaimsOfNothing += ofNothing.isEmpty() ? 0 : 1;
    }

    private static SelectivityMap lit(OptModel model, Prompts prompts) {
        try (Probe probe = Probe.builder(model)
                .sites(Sites.mlpPost(), Sites.z().magnitude())
                .pooling(Pooling.mean())
                .build()) {
            return probe.capture(prompts).measure(Selectivity.by("topic"));
        }
    }

    private static EffectMap run(OptModel model, List<Unit> units, By by, Prompts prompts) {
        Ablation study = Ablation.of(model).units(units).by("topic");
        Attribution estimate = Attribution.of(model);
        return switch (by) {
            case MEAN -> study.run(prompts);
            case ZERO -> study.replacing(Replacement.zero()).run(prompts);
            case GRADIENT_TO_MEAN -> estimated(estimate, units, prompts);
            case GRADIENT_TO_ZERO -> estimated(estimate.replacing(Replacement.zero()), units, prompts);
            case INTEGRATED_GRADIENT -> estimated(estimate.steps(4), units, prompts);
        };
    }

    private static EffectMap estimated(Attribution study, List<Unit> units, Prompts prompts) {
        return EffectMap.estimated(study.run(prompts), "topic", Target.each(units));
    }

    private static List<Pair> claims(EffectMap effects) {
        return effects.rows()
                .filter(UnitEffect::isNeeded)
                .map(row -> new Pair(row.unit(), row.label()))
                .toList();
    }
}
