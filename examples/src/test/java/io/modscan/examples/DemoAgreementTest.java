package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.modules.ModuleComparison;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.Modules;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/**
 * Whether the modules of the demo model's neurons and heads are the data's: how far those of other seeds agree, and those of values with
 * a relative noise. Of one other seed and noise at once in any case; of as many seeds and kinds of noise as the system property
 * {@code modscan.seeds} says, which takes minutes, with figures on standard output.
 */
class DemoAgreementTest {

    private static final int SEEDS = Integer.getInteger("modscan.seeds", 0);
    private static final List<String> TABLE = new ArrayList<>();

    private static final Modules MODULES =
            Modules.byCoActivation().withResolutions().withSplits(0).withShuffles(0);

    private static final Pooling MEAN = Pooling.mean().withoutBos();
    private static final Activations ACTIVATIONS = captured(MEAN, Sites.z().magnitude(), Sites.mlpPost());
    private static final ModuleMap MAP = ACTIVATIONS.measure(MODULES);

    @AfterAll
    static void print() {
        TABLE.forEach(System.out::println);
    }

    private static Activations captured(Pooling pooling, SiteSelector... sites) {
        try (Probe probe =
                Probe.builder(DemoModel.open()).sites(sites).pooling(pooling).build()) {
            return probe.capture(DemoModel.prompts());
        }
    }

    /** The same with each value changed by a share of itself, normal with this standard deviation. */
    private static Activations noisy(Activations activations, double noise, long seed) {
        Random random = new Random(seed);
        return activations.map(site -> site.derived(site.site(), site.pooling(), prompt -> {
            float[] vector = site.vector(prompt);
            for (int unit = 0; unit < vector.length; unit++) {
                vector[unit] *= (float) (1 + noise * random.nextGaussian());
            }
            return vector;
        }));
    }

    private static double agreement(ModuleMap one, ModuleMap other) {
        return ModuleComparison.of(one, other).all().adjustedRand();
    }

    private static void line(String what, DoubleSummaryStatistics over) {
        TABLE.add(String.format(
                Locale.ROOT,
                "%-70s mean %.4f   least %.4f   of %d",
                what,
                over.getAverage(),
                over.getMin(),
                over.getCount()));
    }

    @Test
    void anotherSeedAndNoiseGiveTheSameModules() {
        ModuleMap other = noisy(ACTIVATIONS, 1e-5, 1).measure(MODULES.withSeed(1));
        assertThat(MAP.modules()).hasSizeGreaterThan(5);
        assertThat(agreement(MAP, other)).isGreaterThanOrEqualTo(0.98);
    }

    /** The graph sums in single precision, Java in double precision: no measurement sees the difference. */
    @Test
    void poolingAfterwardsGivesTheSameModules() {
        Activations later =
                captured(Pooling.none(), Sites.z().magnitude(), Sites.mlpPost()).pooled(MEAN);
        for (SiteActivations pooled : ACTIVATIONS.sites()) {
            float[][] means = pooled.vectors();
            float[][] ofJava = later.at(pooled.site()).vectors();
            for (int prompt = 0; prompt < means.length; prompt++) {
                double size = 0;
                double apart = 0;
                for (int i = 0; i < means[prompt].length; i++) {
                    size = Math.max(size, Math.abs(ofJava[prompt][i]));
                    apart = Math.max(apart, Math.abs(ofJava[prompt][i] - means[prompt][i]));
                }
                assertThat(apart).as(pooled.site() + ", prompt " + prompt).isLessThan(4e-7 * size);
            }
        }
        assertThat(agreement(MAP, later.measure(MODULES))).isGreaterThanOrEqualTo(0.98);
    }

    @Test
    void otherSeedsAndNoiseThatNoMeasurementSeesChangeNoModules() {
        assumeTrue(SEEDS > 0, "takes minutes: -Dmodscan.seeds=3");
        assertThat(leastMean("magnitudes of heads and neurons", ACTIVATIONS)).isGreaterThanOrEqualTo(0.98);
    }

    /** Most of these are noise, and so more of them are on the border of a module: they shake the search harder. */
    @Test
    void eachDimensionOfEachHead() {
        assumeTrue(SEEDS > 0, "takes minutes: -Dmodscan.seeds=3");
        assertThat(leastMean("dimensions of heads and neurons", captured(MEAN, Sites.z(), Sites.mlpPost())))
                .isGreaterThanOrEqualTo(0.95);
    }

    /** The least of the mean agreements between seeds, and of the maps of noisy values with that of the values as they are. */
    private static double leastMean(String what, Activations activations) {
        ModuleMap measured = activations.measure(MODULES);
        DoubleSummaryStatistics betweenSeeds = new DoubleSummaryStatistics();
        List<ModuleMap> maps = new ArrayList<>(List.of(measured));
        for (int seed = 1; seed <= SEEDS; seed++) {
            ModuleMap other = activations.measure(MODULES.withSeed(seed));
            maps.forEach(one -> betweenSeeds.accept(agreement(one, other)));
            maps.add(other);
        }
        line(what + ": between seeds", betweenSeeds);
        double least = betweenSeeds.getAverage();
        for (double noise : new double[] {1e-6, 1e-5}) {
            DoubleSummaryStatistics underNoise = new DoubleSummaryStatistics();
            for (int seed = 1; seed <= SEEDS; seed++) {
                underNoise.accept(
                        agreement(measured, noisy(activations, noise, seed).measure(MODULES)));
            }
            line(what + ": under relative noise of " + noise, underNoise);
            least = Math.min(least, underNoise.getAverage());
        }
        return least;
    }

    @Test
    void halvesOfThePromptsAgreeAsFarAsTheDataAllow() {
        assumeTrue(SEEDS > 0, "takes minutes: -Dmodscan.seeds=3");
        Modules modules = MODULES.withSplits(10);
        ModuleMap split = ACTIVATIONS.measure(modules);
        TABLE.add("demo model, " + split.halves());
        TABLE.add("demo model, even and odd prompts agree by %.3f"
                .formatted(agreement(
                        ACTIVATIONS
                                .where(prompt -> Integer.parseInt(prompt.id()) % 2 == 0)
                                .measure(MODULES),
                        ACTIVATIONS
                                .where(prompt -> Integer.parseInt(prompt.id()) % 2 == 1)
                                .measure(MODULES))));
        TABLE.add("demo model, " + split);
        assertThat(split.halves().mean())
                .isBetween(0.2, 1.0)
                .isLessThan(split.halves().planted());
        assertThat(split.modules())
                .extracting(module -> module.units())
                .isEqualTo(MAP.modules().stream().map(module -> module.units()).toList());
    }
}
