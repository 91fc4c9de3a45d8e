package io.modscan.benchmarks;

import io.modscan.core.Metric;
import io.modscan.core.Probe;
import io.modscan.core.model.Progress;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.selectivity.Importance;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.similarity.Closeness;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a capture takes as its prompts become more, and what a process takes as its captures and probes become more: short
 * prompts, each head's z and each neuron mean-pooled, in the demo model's shape.
 */
final class CaptureScale {

    private static final int[] PROMPTS = {100, 1_000, 10_000, 100_000};
    private static final int[] METRIC_PROMPTS = {1_000, 10_000, 100_000};
    private static final int CAPTURES = 10_000;
    private static final int PROBES = 1_000;

    private CaptureScale() {}

    /**
     * Runs each measurement in a JVM of its own.
     *
     * @param args none
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length > 0) {
            Path folder = Path.of(args[1]);
            switch (args[0]) {
                case "prompts" -> prompts(folder, Integer.parseInt(args[2]));
                case "metrics" -> metrics(folder, Integer.parseInt(args[2]));
                case "captures" -> captures(folder);
                default -> probes(folder);
            }
            return;
        }
        Path folder = Files.createTempDirectory("modscan-scale");
        try {
            RandomCheckpoint.DEMO.write(folder);
            for (int count : PROMPTS) {
                inNewJvm("-Xmx80m", "prompts", folder.toString(), Integer.toString(count));
            }
            for (int count : METRIC_PROMPTS) {
                inNewJvm("-Xmx400m", "metrics", folder.toString(), Integer.toString(count));
            }
            inNewJvm("-Xmx256m", "captures", folder.toString());
            inNewJvm("-Xmx256m", "probes", folder.toString());
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
    }

    private static void inNewJvm(String heap, String... args) throws IOException, InterruptedException {
        List<String> command = Stream.concat(
                        Stream.of(
                                Path.of(System.getProperty("java.home"), "bin", "java")
                                        .toString(),
                                heap,
                                "-cp",
                                System.getProperty("java.class.path"),
                                CaptureScale.class.getName()),
                        Stream.of(args))
                .toList();
        if (new ProcessBuilder(command).inheritIO().start().waitFor() != 0) {
            throw new IllegalStateException(String.join(" ", command) + " failed; why, is above");
        }
    }

    private static Probe.Builder probe(Path folder) {
        return Probe.builder(OptModel.open(folder))
                .sites(Sites.z(), Sites.mlpPost())
                .pooling(Pooling.mean());
    }

    private static Stream<Prompt> stream(int count) {
        SplittableRandom random = new SplittableRandom(count);
        return IntStream.range(0, count)
                .mapToObj(i -> Prompt.ofTokens(
                        "p" + i,
                        random.ints(8 + random.nextInt(17), 4, RandomCheckpoint.DEMO.vocabulary())
                                .toArray()));
    }

    private static void prompts(Path folder, int count) throws IOException {
        Path file = folder.resolve(count + ".safetensors");
        AtomicReference<@Nullable Progress> last = new AtomicReference<>();
        try (Probe probe = probe(folder).progress(last::set).build()) {
            probe.capture(stream(200), folder.resolve("warm-" + count + ".safetensors"));
            probe.capture(stream(count), file);
        }
        Progress end = Objects.requireNonNull(last.get());
        System.out.printf(
                Locale.ROOT,
                "%,d prompts, %,d tokens into a file: %,.0f tokens/s; the process had at most %.0f MB%n",
                count,
                end.tokens(),
                end.tokensPerSecond(),
                1024e-6 * LoadMemory.kib("VmHWM"));
        Files.deleteIfExists(file);
    }

    /** Metrics that stream, all in one pass over the values of each token. */
    private static void metrics(Path folder, int count) throws IOException {
        Pooling mean = Pooling.mean().withoutBos();
        AtomicReference<@Nullable Progress> last = new AtomicReference<>();
        try (Probe probe = Probe.builder(OptModel.open(folder))
                .sites(Sites.z().magnitude(), Sites.mlpPost(), Sites.residPost())
                .memoryLimit(64 << 20)
                .progress(last::set)
                .build()) {
            probe.measure(
                    stream(count)
                            .map(prompt -> prompt.withLabel(
                                    "topic", "t" + Math.floorMod(prompt.id().hashCode(), 10))),
                    Metric.suite(
                            Importance.by("topic").withoutBos().through(piece -> piece.only(Sites.mlpPost())),
                            Selectivity.by("topic")
                                    .sketched(0.02)
                                    .through(piece ->
                                            piece.only(Sites.z().magnitude()).pooled(mean)),
                            Closeness.betweenLabels("topic")
                                    .perSite()
                                    .through(piece ->
                                            piece.only(Sites.residPost()).pooled(mean)),
                            Basis.uncentred().perSite().through(piece -> piece.only(Sites.residPost()))));
        }
        Progress end = Objects.requireNonNull(last.get());
        System.out.printf(
                Locale.ROOT,
                "%,d prompts, %,d tokens measured: %,.0f tokens/s; the process had at most %.0f MB%n",
                count,
                end.tokens(),
                end.tokensPerSecond(),
                1024e-6 * LoadMemory.kib("VmHWM"));
    }

    private static void captures(Path folder) throws IOException {
        try (Probe probe = probe(folder).build()) {
            for (int i = 1; i <= CAPTURES; i++) {
                probe.forEach(stream(8), piece -> {});
                told(i, CAPTURES, "captures by one probe");
            }
        }
    }

    private static void probes(Path folder) throws IOException {
        for (int i = 1; i <= PROBES; i++) {
            try (Probe probe = probe(folder).build()) {
                probe.forEach(stream(8), piece -> {});
            }
            told(i, PROBES, "probes opened and closed");
        }
    }

    private static void told(int done, int all, String what) throws IOException {
        if (done % (all / 5) == 0 || done == all / 50) {
            System.out.printf(
                    Locale.ROOT, "%,d %s: the process has %.0f MB%n", done, what, 1024e-6 * LoadMemory.kib("VmRSS"));
        }
    }
}
