package io.modscan.benchmarks;

import ai.onnxruntime.OrtException;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Pooling;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.runtime.CpuOperators;
import io.modscan.onnx.runtime.ProductPrecision;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How many tokens a second captures take in, beside ONNX Runtime's own products and, if there is a Python, transformers
 * with forward hooks. All run in turns, so that whatever else the machine does hits them alike. Tokens are real ones,
 * padding does not count.
 */
final class CaptureSpeed {

    private static final Map<String, RandomCheckpoint> SHAPES =
            Map.of("opt-125m", RandomCheckpoint.OPT_125M, "demo", RandomCheckpoint.DEMO, "tiny", RandomCheckpoint.TINY);

    private static final List<String> OPTIONS =
            List.of("--threads", "--rounds", "--python", "--few", "--shape", "--prompts", "--device", "--csv");

    private static final String OPERATORS = "modscan.operators";

    static final String CEILING = "products alone (ceiling)";

    /** What the values of all other runs are divided by. */
    private static final List<String> BASES = List.of(
            CEILING,
            "last residual, pooled",
            "transformers: hooks",
            "transformers: hooks_no_head",
            "transformers: bfloat16 hooks_no_head");

    private final RandomCheckpoint shape;
    private final int count;
    private final int threads;
    private final OptionalInt cudaDevice;
    private final int rounds;
    /** Where each round's numbers go, or null. */
    private final @Nullable Path csv;

    private final @Nullable Path python;
    /** Whether what takes much memory is left out. */
    private final boolean few;

    private CaptureSpeed(Map<String, String> settings) {
        this.threads = Integer.parseInt(settings.getOrDefault("--threads", "2"));
        this.rounds = Integer.parseInt(settings.getOrDefault("--rounds", "7"));
        this.few = Boolean.parseBoolean(settings.getOrDefault("--few", "false"));
        this.count = Integer.parseInt(settings.getOrDefault("--prompts", "100"));
        this.shape = shape(settings.getOrDefault("--shape", "opt-125m"));
        this.cudaDevice = cudaDevice(settings.getOrDefault("--device", "cpu"));
        this.csv = settings.containsKey("--csv") ? Path.of(settings.getOrDefault("--csv", "")) : null;
        this.python = settings.containsKey("--python") ? Path.of(settings.getOrDefault("--python", "")) : null;
    }

    private static RandomCheckpoint shape(String name) {
        RandomCheckpoint shape = SHAPES.get(name);
        if (shape == null) {
            throw new IllegalArgumentException(
                    "there is no shape '" + name + "'; there are " + new TreeSet<>(SHAPES.keySet()));
        }
        return shape;
    }

    private static OptionalInt cudaDevice(String name) {
        if (name.equals("cpu")) {
            return OptionalInt.empty();
        }
        if (!name.matches("cuda:\\d{1,4}")) {
            throw new IllegalArgumentException("'" + name + "' is no device; say cpu, or cuda:0");
        }
        return OptionalInt.of(Integer.parseInt(name.substring("cuda:".length())));
    }

    /** A run of all prompts, which says how many tokens a second it took. */
    private interface Run {
        double tokensPerSecond() throws IOException, OrtException;
    }

    /**
     * Measures.
     *
     * @param args {@code --threads N} (2), {@code --rounds N} (7), {@code --few true} (every site left out),
     *             {@code --python PROGRAM} (none; run where tools/ is), {@code --shape opt-125m|demo|tiny},
     *             {@code --prompts N} (100), {@code --device cpu|cuda:N} (cpu), {@code --csv FILE} (each round's numbers)
     */
    public static void main(String[] args) throws IOException, OrtException {
        Map<String, String> settings = new LinkedHashMap<>();
        for (int i = 0; i < args.length; i += 2) {
            if (!OPTIONS.contains(args[i]) || i + 1 == args.length) {
                System.err.println("usage: CaptureSpeed [--threads N] [--rounds N] [--few true] [--python PROGRAM]"
                        + " [--shape NAME] [--prompts N] [--device cpu|cuda:N] [--csv FILE]");
                System.exit(2);
            }
            settings.put(args[i], args[i + 1]);
        }
        Path folder = Files.createTempDirectory("modscan-capture-speed");
        try {
            new CaptureSpeed(settings).measure(folder);
        } finally {
            try (var files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
    }

    private void measure(Path folder) throws IOException, OrtException {
        shape.write(folder);
        List<int[]> ids = ids();
        List<Prompt> list = new ArrayList<>();
        ids.forEach(prompt -> list.add(Prompt.ofTokens("p" + list.size(), prompt)));
        Prompts prompts = Prompts.of(list);
        int tokens = ids.stream().mapToInt(prompt -> prompt.length).sum();
        double perToken = ids.stream()
                        .mapToDouble(prompt -> prompt.length * multiplyAdds(prompt.length))
                        .sum()
                / tokens;
        System.out.printf(
                Locale.ROOT,
                "%d prompts, %,d tokens, %.1f million multiply-adds a token, %d threads, %d rounds%n",
                ids.size(),
                tokens,
                perToken / 1e6,
                threads,
                rounds);

        RuntimeOptions options = (cudaDevice.isPresent()
                        ? RuntimeOptions.cuda(cudaDevice.getAsInt())
                        : RuntimeOptions.cpu())
                .withThreads(threads);
        OptModel model = OptModel.open(folder).withRuntime(options);
        String[] inner = {"blocks.*.attn.hook_z", "blocks.*.mlp.hook_post"};
        String last = "blocks." + (shape.layers() - 1) + ".hook_resid_post";
        System.setProperty(OPERATORS, "onnxruntime"); // What is opened below is without oneDNN.
        try (ProductCeiling ceiling = cudaDevice.isPresent() ? null : new ProductCeiling(shape.hidden(), threads);
                Probe residual = probe(model, Pooling.mean(), last);
                Probe pooled = probe(model, Pooling.mean(), inner);
                Probe perPosition = probe(model, Pooling.none(), inner);
                Probe half = probeTo(DType.F16, model, inner);
                Probe everything = few ? null : probe(model, Pooling.mean(), "*");
                Probe everythingPerPosition = few ? null : probe(model, Pooling.none(), "*");
                ByOneDnn oneDnn = ByOneDnn.open(OptModel.open(folder), options, inner);
                Transformers transformers = python == null ? null : new Transformers(python, folder, ids, threads)) {
            Map<String, Run> runs = new LinkedHashMap<>();
            // Its operands come from Java each time: on a device that would measure the bus.
            if (ceiling != null) {
                runs.put(CEILING, () -> ceiling.run() / perToken);
            }
            runs.put("last residual, pooled", () -> timed(tokens, () -> residual.capture(prompts)));
            runs.put("z and neurons, pooled", () -> timed(tokens, () -> pooled.capture(prompts)));
            runs.put("z and neurons, in memory", () -> timed(tokens, () -> perPosition.capture(prompts)));
            Path file = folder.resolve("acts.safetensors");
            runs.put(
                    "its bytes to the disk alone",
                    () -> timed(tokens, () -> writeAlone(file, tokens * valuesOfToken())));
            runs.put("z and neurons, in a file", () -> {
                double speed = timed(tokens, () -> perPosition.capture(prompts, file));
                Files.delete(file);
                return speed;
            });
            runs.put("the same, stored half", () -> {
                double speed = timed(tokens, () -> half.capture(prompts, file));
                Files.delete(file);
                return speed;
            });
            if (oneDnn != null) {
                oneDnn.probes()
                        .forEach((what, probe) ->
                                runs.put("z and neurons, " + what, () -> timed(tokens, () -> probe.capture(prompts))));
            }
            if (everything != null && everythingPerPosition != null) {
                runs.put("every site, pooled", () -> timed(tokens, () -> everything.capture(prompts)));
                runs.put(
                        "every site, in pieces",
                        () -> timed(tokens, () -> everythingPerPosition.forEach(prompts, piece -> {})));
            }
            if (transformers != null) {
                for (String what :
                        List.of("plain", "hooks", "hooks_no_head", "bfloat16 hooks", "bfloat16 hooks_no_head")) {
                    runs.put("transformers: " + what, () -> transformers.run(what));
                }
            }
            Map<String, double[]> speeds = inTurns(runs);
            report(speeds);
            if (csv != null) {
                write(speeds, csv);
            }
        }
    }

    /** The same captures with products by oneDNN, where it can be had. */
    private record ByOneDnn(Map<String, Probe> probes) implements AutoCloseable {

        private static @Nullable ByOneDnn open(OptModel model, RuntimeOptions options, String... sites) {
            String before = System.clearProperty(OPERATORS);
            try {
                Optional<CpuOperators> operators = CpuOperators.installed();
                if (options.cudaDevice().isPresent() || operators.isEmpty()) {
                    System.out.println("oneDNN can't be had here: its rows are missing");
                    return null;
                }
                System.out.println(operators.get().describe());
                Map<String, RuntimeOptions> kinds = new TreeMap<>(Map.of("oneDNN", options));
                if (operators.get().computes(ProductPrecision.BFLOAT16)) {
                    kinds.put("oneDNN bfloat16", options.bfloat16());
                } else {
                    System.out.println("this processor doesn't compute in bfloat16: those rows are missing");
                }
                Map<String, Probe> probes = new LinkedHashMap<>();
                kinds.forEach((kind, of) -> {
                    OptModel runnable = model.withRuntime(of);
                    probes.put("pooled, " + kind, probe(runnable, Pooling.mean(), sites));
                    probes.put("in memory, " + kind, probe(runnable, Pooling.none(), sites));
                });
                return new ByOneDnn(probes);
            } finally {
                System.setProperty(OPERATORS, before);
            }
        }

        @Override
        public void close() {
            probes.values().forEach(Probe::close);
        }
    }

    private static Probe probe(OptModel model, Pooling pooling, String... sites) {
        return Probe.builder(model).sites(sites).pooling(pooling).build();
    }

    private static Probe probeTo(DType type, OptModel model, String... sites) {
        return Probe.builder(model).sites(sites).storeAs(type).build();
    }

    private static double timed(int tokens, Runnable capture) {
        long begin = System.nanoTime();
        capture.run();
        return tokens / ((System.nanoTime() - begin) / 1e9);
    }

    /** Of z and neurons. */
    private long valuesOfToken() {
        return 5L * shape.hidden() * shape.layers();
    }

    /** What the disk takes of as many values, one behind the other, until it has them. */
    private static void writeAlone(Path file, long values) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 22);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (long left = values * Float.BYTES; left > 0; ) {
                buffer.clear().limit((int) Math.min(left, buffer.capacity()));
                left -= channel.write(buffer);
            }
            channel.force(true);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            delete(file);
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Prompts of 32 to 128 random tokens. */
    private List<int[]> ids() {
        SplittableRandom random = new SplittableRandom(2026);
        return IntStream.range(0, count)
                .mapToObj(prompt -> IntStream.range(0, random.nextInt(32, 129))
                        .map(token -> random.nextInt(4, shape.vocabulary()))
                        .toArray())
                .toList();
    }

    /** What the network's products take for one token of a prompt; each attends to all, as it is computed. */
    private double multiplyAdds(int length) {
        return shape.layers() * (ProductCeiling.perToken(shape.hidden()) + 2.0 * length * shape.hidden());
    }

    private Map<String, double[]> inTurns(Map<String, Run> runs) throws IOException, OrtException {
        Map<String, double[]> speeds = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) {
            for (Map.Entry<String, Run> run : runs.entrySet()) {
                double speed = run.getValue().tokensPerSecond();
                // The first round warms up.
                if (round >= 0) {
                    speeds.computeIfAbsent(run.getKey(), name -> new double[rounds])[round] = speed;
                }
                System.err.printf(Locale.ROOT, "%s %.0f; ", run.getKey(), speed);
            }
            System.err.println(round < 0 ? "(warming up)" : "(round " + (round + 1) + " of " + rounds + ")");
        }
        return speeds;
    }

    private void report(Map<String, double[]> speeds) {
        System.out.printf("%-38s %9s", "", "tokens/s");
        List<String> bases = BASES.stream().filter(speeds::containsKey).toList();
        bases.forEach(base -> System.out.printf("  / %-27s", base));
        System.out.println();
        speeds.forEach((name, values) -> {
            System.out.printf(Locale.ROOT, "%-38s %9.0f", name, median(values));
            for (String base : bases) {
                double[] other = speeds.getOrDefault(base, values);
                double[] ratios = IntStream.range(0, rounds)
                        .mapToDouble(round -> values[round] / other[round])
                        .sorted()
                        .toArray();
                System.out.printf(
                        Locale.ROOT, "  %.3f (%.3f to %.3f)      ", median(ratios), ratios[0], ratios[rounds - 1]);
            }
            System.out.println();
        });
        System.out.println("Medians of " + rounds + " rounds; ratios within a round, with the least and the largest.");
    }

    private static void write(Map<String, double[]> speeds, Path csv) throws IOException {
        List<String> lines = new ArrayList<>(List.of("row,round,tokens_per_second"));
        speeds.forEach((name, values) -> {
            for (int round = 0; round < values.length; round++) {
                lines.add('"' + name + "\"," + (round + 1) + ',' + values[round]);
            }
        });
        Files.write(csv, lines);
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }

    /** tools/transformers_hooks.py as a process that runs a round when asked. */
    private static final class Transformers implements AutoCloseable {
        private final Process process;
        private final BufferedReader answers;
        private final BufferedWriter requests;

        Transformers(Path python, Path checkpoint, List<int[]> ids, int threads) throws IOException {
            Path prompts = checkpoint.resolve("prompts.jsonl");
            Files.write(
                    prompts,
                    ids.stream()
                            .map(prompt -> "{\"ids\": " + Arrays.toString(prompt) + "}")
                            .toList());
            this.process = new ProcessBuilder(
                            python.toString(),
                            Path.of("tools", "transformers_hooks.py").toString(),
                            checkpoint.toString(),
                            prompts.toString(),
                            Integer.toString(threads))
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            this.answers = process.inputReader(StandardCharsets.UTF_8);
            this.requests = process.outputWriter(StandardCharsets.UTF_8);
            for (String line = answer(); !line.equals("ready"); line = answer()) {
                System.out.println(line);
            }
        }

        double run(String what) throws IOException {
            requests.write(what + "\n");
            requests.flush();
            return Double.parseDouble(answer());
        }

        private String answer() throws IOException {
            String line = answers.readLine();
            if (line == null) {
                throw new IOException("tools/transformers_hooks.py ended; why, is above");
            }
            return line;
        }

        @Override
        public void close() throws IOException {
            requests.close();
            answers.close();
        }
    }
}
