package io.modscan.benchmarks;

import io.modscan.core.Probe;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.intervention.UnitSet;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.metrics.effect.Ablation;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * The loss of prompts under interventions, beside the untouched ones, in rounds one after the other; and the study of all heads. OPT-125M's
 * shape, random weights.
 */
final class AblationSpeed {

    private AblationSpeed() {}

    /**
     * Prints seconds, and each kind's share of the untouched run's.
     *
     * @param args prompts; rounds; kinds, divided by commas: head (one layer's z), heads (z of all layers), neurons (mlp_post of all layers), positions (the same at single
     *             positions, each with a value of its own), stream (resid_pre of one layer), study (all heads, each in turn)
     */
    public static void main(String[] args) throws IOException {
        Path folder = Files.createTempDirectory("modscan-ablation");
        try {
            RandomCheckpoint.OPT_125M.write(folder);
            run(OptModel.open(folder), args);
        } finally {
            for (String file : List.of("config.json", "model.safetensors")) {
                Files.deleteIfExists(folder.resolve(file));
            }
            Files.delete(folder);
        }
    }

    private static void run(OptModel model, String... args) {
        Prompts prompts = prompts(Integer.parseInt(args[0]));
        Map<String, Probe> probes = new HashMap<>();
        Map<String, Intervention> interventions = new HashMap<>();
        try {
            probes.put("untouched", probe(model, List.of()));
            for (int round = 0; round < Integer.parseInt(args[1]); round++) {
                double plain = seconds(() -> capture(probes.get("untouched"), prompts));
                System.out.printf(Locale.ROOT, "untouched %.2f s%n", plain);
                for (String kind : args[2].split(",", -1)) {
                    if (kind.equals("study")) {
                        Ablation study = Ablation.of(model).heads();
                        double all = seconds(() -> study.run(prompts));
                        System.out.printf(
                                Locale.ROOT,
                                "study %.1f s: %.1f passes, %.2f times as long as so many untouched runs%n",
                                all,
                                study.passes(),
                                all / (plain * study.passes()));
                        continue;
                    }
                    Intervention intervention = interventions.computeIfAbsent(kind, any -> intervention(model, kind));
                    Probe probe = probes.computeIfAbsent(kind, any -> probe(model, List.of(intervention)));
                    double changed = seconds(() -> capture(probe, prompts.under(intervention)));
                    System.out.printf(Locale.ROOT, "%s %.2f s, %.3f of untouched%n", kind, changed, changed / plain);
                }
            }
        } finally {
            probes.values().forEach(Probe::close);
        }
    }

    private static Intervention intervention(OptModel model, String kind) {
        List<Change> changes = new ArrayList<>();
        for (Site site : model.changeable()) {
            boolean middle = site.layer().orElseThrow() == 6;
            switch (kind) {
                case "head", "heads" -> {
                    if (site.hook().equals("hook_z") && (middle || kind.equals("heads"))) {
                        changes.add(Change.of(site.name(), UnitSet.heads(3), Replacement.zero()));
                    }
                }
                case "neurons", "positions" -> {
                    if (site.hook().equals("hook_post")) {
                        Reference mean = Reference.of("means", Map.of(site.name(), new float[site.width()]));
                        Change change = Change.of(site.name(), UnitSet.units(1, 2, 3), Replacement.mean(mean));
                        changes.add(kind.equals("neurons") ? change : change.at(0, 3, -1));
                    }
                }
                case "stream" -> {
                    if (site.hook().equals("hook_resid_pre") && middle) {
                        changes.add(Change.of(site.name(), UnitSet.units(1, 2, 3), Replacement.zero()));
                    }
                }
                default ->
                    throw new IllegalArgumentException(
                            kind + ": expected is head, heads, neurons, positions, stream or study");
            }
        }
        return Intervention.of(kind, changes);
    }

    private static Probe probe(OptModel model, List<Intervention> interventions) {
        return Probe.builder(model)
                .sites(Sites.loss())
                .pooling(Pooling.mean())
                .changing(interventions)
                .build();
    }

    private static void capture(Probe probe, Prompts prompts) {
        probe.capture(prompts);
    }

    private static double seconds(Runnable run) {
        long begin = System.nanoTime();
        run.run();
        return (System.nanoTime() - begin) / 1e9;
    }

    /** Of 32 to 96 tokens. */
    static Prompts prompts(int count) {
        Random random = new Random(2026);
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            prompts.add(Prompt.ofTokens(
                            "p" + i,
                            random.ints(32 + random.nextInt(65), 4, 50_000).toArray())
                    .withLabel("topic", i % 2 == 0 ? "even" : "odd"));
        }
        return Prompts.of(prompts);
    }
}
