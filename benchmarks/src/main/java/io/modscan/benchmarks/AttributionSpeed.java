package io.modscan.benchmarks;

import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.metrics.effect.Attribution;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Attributions of all heads and neurons, beside a pass forward with the head, in rounds one after the other. OPT-125M's shape, random weights.
 */
final class AttributionSpeed {

    private AttributionSpeed() {}

    /**
     * Prints seconds, each kind's share of the forward pass, and the most memory that the process has had.
     *
     * @param args prompts; rounds; kinds, divided by commas: attributions (z and mlp_post), heads, logits (the same of a logit difference), gradients (of all residual streams), kept (a pass forward that gives every
     *             tensor that a backward pass reads), study (the whole command, means and session included). For memory, one kind in a process of its own, 0 rounds of the forward pass before it
     */
    public static void main(String[] args) throws IOException {
        Path folder = Files.createTempDirectory("modscan-attribution");
        try {
            RandomCheckpoint.OPT_125M.write(folder);
            run(OptModel.open(folder), args);
            System.out.println(Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmHWM"))
                    .findFirst()
                    .orElse("no VmHWM here"));
        } finally {
            for (String file : new String[] {"config.json", "model.safetensors"}) {
                Files.deleteIfExists(folder.resolve(file));
            }
            Files.delete(folder);
        }
    }

    private static void run(OptModel model, String... args) {
        Prompts prompts = AblationSpeed.prompts(Integer.parseInt(args[0]));
        Map<String, Probe> probes = new HashMap<>();
        int rounds = Integer.parseInt(args[1]);
        try {
            for (int round = 0; round < Math.max(1, rounds); round++) {
                double plain = Double.NaN;
                if (rounds > 0) {
                    Probe forward = probes.computeIfAbsent(
                            "forward", any -> builder(model, "forward").build());
                    plain = seconds(() -> forward.capture(prompts));
                    System.out.printf(Locale.ROOT, "forward %.2f s%n", plain);
                }
                for (String kind : args[2].split(",", -1)) {
                    if (kind.equals("study")) {
                        double all = seconds(() -> Attribution.of(model).run(prompts));
                        System.out.printf(Locale.ROOT, "study %.2f s, %.3f of forward%n", all, all / plain);
                        continue;
                    }
                    Probe probe = probes.computeIfAbsent(
                            kind, any -> builder(model, kind).build());
                    double took = seconds(() -> probe.forEach(prompts, piece -> {}));
                    System.out.printf(Locale.ROOT, "%s %.2f s, %.3f of forward%n", kind, took, took / plain);
                }
            }
        } finally {
            probes.values().forEach(Probe::close);
        }
    }

    private static Probe.Builder builder(OptModel model, String kind) {
        Probe.Builder builder = Probe.builder(model);
        return switch (kind) {
            case "forward" -> builder.sites(Pooling.mean(), Sites.loss());
            case "attributions" ->
                builder.sites(
                        Pooling.sum(), Sites.z().attribution(), Sites.mlpPost().attribution());
            case "heads" -> builder.sites(Pooling.sum(), Sites.z().attribution());
            case "logits" ->
                builder.sites(
                                Pooling.sum(),
                                Sites.z().attribution(),
                                Sites.mlpPost().attribution())
                        .objective(Objective.logitDifference(5, 17));
            case "gradients" -> builder.sites(Pooling.sum(), Sites.residPre().gradient());
            case "kept" ->
                builder.sites(Pooling.mean(), Sites.loss())
                        .sites(
                                Pooling.none(),
                                Sites.residPre(),
                                Sites.residMid(),
                                Sites.q(),
                                Sites.k(),
                                Sites.v(),
                                Sites.pattern(),
                                Sites.z(),
                                Sites.mlpPost());
            default ->
                throw new IllegalArgumentException(
                        kind + ": expected is attributions, heads, logits, gradients, kept or study");
        };
    }

    private static double seconds(Runnable run) {
        long begin = System.nanoTime();
        run.run();
        return (System.nanoTime() - begin) / 1e9;
    }
}
