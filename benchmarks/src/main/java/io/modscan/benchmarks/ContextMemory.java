package io.modscan.benchmarks;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.contexts.TopContexts;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;

/**
 * Whether the memory of top contexts grows with the prompts: {@code ContextMemory UNITS PROMPTS…}. For each number of prompts it prints what is on
 * the heap when all were seen, and how many values it looked at in a second. Values are random, and no prompt is like another.
 */
public final class ContextMemory {

    private static final int TOKENS = 40;
    private static final int PIECE = 50;

    private ContextMemory() {}

    /**
     * Measures.
     *
     * @param args how many units there are, and numbers of prompts
     */
    public static void main(String[] args) {
        Site site = new Site(
                "blocks.0.mlp.hook_post",
                OptionalInt.of(0),
                List.of(Axis.POSITION, Axis.units(Integer.parseInt(args[0]))),
                false);
        for (int i = 1; i < args.length; i++) {
            measure(site, Integer.parseInt(args[i]));
        }
    }

    private static void measure(Site site, int prompts) {
        long before = used();
        Metric.Accumulator<ContextMap> contexts = TopContexts.of(10).start();
        Random random = new Random(1);
        // The same values again and again would leave nothing to do behind the first.
        float[] noise = new float[TOKENS * site.width() + (1 << 20)];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = (float) random.nextGaussian();
        }
        long nanos = 0;
        for (int from = 0; from < prompts; from += PIECE) {
            Activations piece = piece(site, from, Math.min(PIECE, prompts - from), noise, random);
            long begun = System.nanoTime();
            contexts.add(piece);
            nanos += System.nanoTime() - begun;
        }
        long after = used();
        ContextMap map = contexts.finish();
        System.out.printf(
                "%d prompts, %d units: %d MB on the heap, %.0f million values/s (%s)%n",
                prompts,
                map.size(),
                (after - before - 4L * noise.length) >> 20,
                (double) prompts * TOKENS * site.width() / nanos * 1e3,
                map);
    }

    private static Activations piece(Site site, int from, int count, float[] noise, Random random) {
        List<Prompt> prompts = new ArrayList<>();
        float[][] rows = new float[count][];
        for (int i = 0; i < count; i++) {
            prompts.add(Prompt.ofTokens(
                    "p" + (from + i), random.ints(TOKENS, 3, 50_000).toArray()));
            float scale = 1 + random.nextFloat();
            int at = random.nextInt(1 << 20);
            rows[i] = new float[TOKENS * site.width()];
            for (int value = 0; value < rows[i].length; value++) {
                rows[i][value] = scale * noise[at + value];
            }
        }
        return Activations.builder(Prompts.of(prompts))
                .site(site, Pooling.none(), rows)
                .build();
    }

    private static long used() {
        System.gc();
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
