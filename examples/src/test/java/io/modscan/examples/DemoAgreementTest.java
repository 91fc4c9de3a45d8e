package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.modules.ModuleComparison;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.Modules;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
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
    private static final int LAYERS = 6;
    private static final int NEURONS = 1024;
    private static final int HEADS = 8;
    private static final int UNITS_OF_HEADS = 32;

    private static final List<String> TABLE = new ArrayList<>();

    private static final Modules MODULES =
            Modules.byCoActivation().withResolutions().withSplits(0).withShuffles(0);

    private static final Prompts PROMPTS = DemoModel.prompts();
    private static final Activations ACTIVATIONS = activations(0, 0);
    private static final ModuleMap MAP = ACTIVATIONS.measure(MODULES);

    @AfterAll
    static void print() {
        TABLE.forEach(System.out::println);
    }

    /** With each value changed by up to so much of itself. */
    private static Activations activations(double noise, long seed) {
        Random random = new Random(seed);
        SafetensorsFile pooled =
                SafetensorsFile.open(ReferenceActivations.resource("demo").resolve("pooled.safetensors"));
        Activations.Builder all = Activations.builder(PROMPTS);
        for (int layer = 0; layer < LAYERS; layer++) {
            add(all, pooled, noise, random, site(layer, "attn.hook_z", Axis.heads(HEADS), Axis.units(UNITS_OF_HEADS)));
            add(all, pooled, noise, random, site(layer, "mlp.hook_post", Axis.units(NEURONS)));
        }
        return all.build();
    }

    private static Site site(int layer, String name, Axis... axes) {
        List<Axis> all = new ArrayList<>(List.of(Axis.POSITION));
        all.addAll(Arrays.asList(axes));
        return new Site("blocks." + layer + "." + name, OptionalInt.of(layer), all, false);
    }

    private static void add(Activations.Builder all, SafetensorsFile pooled, double noise, Random random, Site site) {
        FloatBuffer values = pooled.map(site.tensorName() + ".mean").asFloatBuffer();
        float[][] rows = new float[PROMPTS.size()][site.width()];
        for (float[] row : rows) {
            values.get(row);
            for (int unit = 0; unit < row.length; unit++) {
                row[unit] *= (float) (1 + noise * (2 * random.nextDouble() - 1));
            }
        }
        all.site(site, Pooling.mean(), rows);
    }

    private static double agreement(ModuleMap one, ModuleMap other) {
        return ModuleComparison.of(one, other).all().adjustedRand();
    }

    private static void line(String what, DoubleSummaryStatistics over) {
        TABLE.add(String.format(
                Locale.ROOT,
                "%-50s mean %.4f   least %.4f   of %d",
                what,
                over.getAverage(),
                over.getMin(),
                over.getCount()));
    }

    @Test
    void anotherSeedAndNoiseGiveTheSameModules() {
        ModuleMap other = activations(1e-5, 1).measure(MODULES.withSeed(1));
        assertThat(MAP.modules()).hasSizeGreaterThan(5);
        assertThat(agreement(MAP, other)).isGreaterThanOrEqualTo(0.98);
    }

    @Test
    void anotherSeedGivesTheSameModules() {
        assumeTrue(SEEDS > 0, "takes minutes: -Dmodscan.seeds=3");
        DoubleSummaryStatistics agreements = new DoubleSummaryStatistics();
        List<ModuleMap> maps = new ArrayList<>(List.of(MAP));
        for (int seed = 1; seed <= SEEDS; seed++) {
            ModuleMap other = ACTIVATIONS.measure(MODULES.withSeed(seed));
            maps.forEach(one -> agreements.accept(agreement(one, other)));
            maps.add(other);
        }
        line("demo model, agreement between seeds", agreements);
        assertThat(agreements.getAverage()).isGreaterThanOrEqualTo(0.98);
    }

    @Test
    void noiseThatNoMeasurementSeesChangesNoModules() {
        assumeTrue(SEEDS > 0, "takes minutes: -Dmodscan.seeds=3");
        for (double noise : new double[] {1e-6, 1e-5}) {
            DoubleSummaryStatistics agreements = new DoubleSummaryStatistics();
            for (int seed = 1; seed <= SEEDS; seed++) {
                agreements.accept(agreement(MAP, activations(noise, seed).measure(MODULES)));
            }
            line("demo model, agreement under relative noise of " + noise, agreements);
            assertThat(agreements.getAverage()).isGreaterThanOrEqualTo(0.98);
        }
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
