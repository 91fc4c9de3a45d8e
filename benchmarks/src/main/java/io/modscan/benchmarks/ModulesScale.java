package io.modscan.benchmarks;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleProgress;
import io.modscan.metrics.modules.Modules;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * What a search for modules takes, with all that belongs to it, in made-up values: modules of as many units as of noise, whose members
 * correlate at 0.4.
 */
final class ModulesScale {

    private static final int UNITS = Integer.getInteger("units", 36_864 + 144);
    private static final int PROMPTS = Integer.getInteger("prompts", 1_000);
    private static final int MODULES = 30;
    private static final double LOADING = Math.sqrt(0.4);

    private ModulesScale() {}

    /**
     * Measures.
     *
     * @param args none; the system properties {@code units} and {@code prompts} say how many there are
     */
    public static void main(String[] args) throws IOException {
        Activations activations = activations();
        long begun = System.nanoTime();
        ModuleMap map = activations.measure(Modules.byCoActivation().withProgress(step -> tell(step, begun)));
        System.out.printf(
                Locale.ROOT,
                "%d units, %d prompts: %.0f s, at most %.0f MB%n%s%n",
                UNITS,
                PROMPTS,
                seconds(begun),
                1024e-6 * LoadMemory.kib("VmHWM"),
                map);
    }

    private static double seconds(long begun) {
        return (System.nanoTime() - begun) / 1e9;
    }

    private static void tell(ModuleProgress step, long begun) {
        System.out.printf(
                Locale.ROOT, "%5.0f s: %s, %d of %d%n", seconds(begun), step.part(), step.done(), step.total());
    }

    private static Activations activations() {
        SplittableRandom random = new SplittableRandom(1);
        float[][] vectors = new float[PROMPTS][UNITS];
        for (float[] vector : vectors) {
            double[] courses = new double[MODULES];
            Arrays.setAll(courses, i -> random.nextGaussian());
            for (int unit = 0; unit < UNITS; unit++) {
                // Of each 2 × MODULES units, the first MODULES are one of each module.
                int module = unit % (2 * MODULES);
                double course = module < MODULES ? LOADING * courses[module] : 0;
                double noise = module < MODULES ? Math.sqrt(1 - LOADING * LOADING) : 1;
                vector[unit] = (float) (course + noise * random.nextGaussian());
            }
        }
        Prompts prompts = Prompts.of(IntStream.range(0, PROMPTS)
                .mapToObj(i -> Prompt.of("p" + i, ""))
                .toList());
        Site site = new Site("units", OptionalInt.empty(), List.of(Axis.units(UNITS)), false);
        return Activations.builder(prompts).site(site, Pooling.none(), vectors).build();
    }
}
