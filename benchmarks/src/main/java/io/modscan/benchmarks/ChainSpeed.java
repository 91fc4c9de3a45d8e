package io.modscan.benchmarks;

import ai.onnxruntime.OrtException;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.runtime.Loading;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * A capture of heads and neurons by a chain of blocks, beside one session of the whole network and ONNX Runtime's products alone, in rounds
 * one after the other. Weights are a sparse file of zeros in the shape of one of the hub's models: they are read, cast and
 * multiplied as any others.
 */
final class ChainSpeed {

    private static final Map<String, RandomCheckpoint> SHAPES = Map.of(
            "125m", RandomCheckpoint.OPT_125M,
            "1.3b", new RandomCheckpoint(24, 2048, 32, 50272),
            "6.7b", new RandomCheckpoint(32, 4096, 32, 50272),
            "66b", new RandomCheckpoint(64, 9216, 72, 50272));

    private ChainSpeed() {}

    /**
     * Prints tokens a second of each kind of run, and the most memory that the process had.
     *
     * @param args a shape (125m, 1.3b, 6.7b, 66b); the blocks to take of it, or 0 for all; prompts; MiB for weights in a chain; rounds; kinds
     *             of runs, divided by commas: chain, whole, products
     */
    public static void main(String[] args) throws IOException, OrtException {
        RandomCheckpoint shape = SHAPES.get(args[0]);
        if (shape == null) {
            throw new IllegalArgumentException(args[0] + ": expected is one of " + SHAPES.keySet());
        }
        int layers = args[1].equals("0") ? shape.layers() : Integer.parseInt(args[1]);
        RandomCheckpoint taken = new RandomCheckpoint(layers, shape.hidden(), shape.heads(), shape.vocabulary());
        Path folder = Files.createTempDirectory("modscan-chain");
        try {
            taken.writeSparse(folder).close();
            run(taken, folder, args);
        } finally {
            for (String file : List.of("config.json", "model.safetensors")) {
                Files.deleteIfExists(folder.resolve(file));
            }
            Files.delete(folder);
        }
        System.out.printf(Locale.ROOT, "most memory: %d MiB%n", LoadMemory.kib("VmHWM") >> 10);
    }

    private static void run(RandomCheckpoint shape, Path folder, String... args) throws OrtException {
        List<Prompt> prompts = prompts(Integer.parseInt(args[2]));
        long tokens = prompts.stream()
                .mapToLong(prompt -> prompt.tokenIds().orElseThrow().length)
                .sum();
        RuntimeOptions chain =
                RuntimeOptions.cpu().withLoading(Loading.CHAIN).withWeightMemory(Long.parseLong(args[3]) << 20);
        OptModel model = OptModel.open(folder);
        System.out.printf(Locale.ROOT, "%d prompts, %d tokens%n", prompts.size(), tokens);
        for (int round = 0; round < Integer.parseInt(args[4]); round++) {
            for (String kind : args[5].split(",", -1)) {
                double speed = switch (kind) {
                    case "chain" -> capture(model.withRuntime(chain), prompts, tokens);
                    case "whole" ->
                        capture(model.withRuntime(RuntimeOptions.cpu().withLoading(Loading.WHOLE)), prompts, tokens);
                    case "products" -> products(shape);
                    default -> throw new IllegalArgumentException(kind + ": expected is chain, whole or products");
                };
                System.out.printf(Locale.ROOT, "%-8s %.2f tokens/s%n", kind, speed);
            }
        }
    }

    private static double capture(OptModel model, List<Prompt> prompts, long tokens) {
        long begin = System.nanoTime(); // Opening included: a chain opens while it runs.
        try (Probe probe = Probe.builder(model)
                .sites(Pooling.mean(), Sites.z(), Sites.mlpPost())
                .build()) {
            probe.capture(Prompts.of(prompts));
            return tokens / ((System.nanoTime() - begin) / 1e9);
        }
    }

    /** The tokens a second that the blocks' products alone would allow. */
    private static double products(RandomCheckpoint shape) throws OrtException {
        try (ProductCeiling ceiling = new ProductCeiling(shape.hidden(), 2)) {
            ceiling.run();
            return ceiling.run() / (shape.layers() * ProductCeiling.perToken(shape.hidden()));
        }
    }

    /** Of 32 to 96 tokens. */
    private static List<Prompt> prompts(int count) {
        Random random = new Random(2026);
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            prompts.add(Prompt.ofTokens(
                    "p" + i, random.ints(32 + random.nextInt(65), 4, 50_000).toArray()));
        }
        return prompts;
    }
}
