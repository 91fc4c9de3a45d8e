package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A user's program ends at any instant of its captures, in each of the ways in which programs end. It ends as every program
 * does, without a crash, and the capture that it wrote goes on. How many are ended in each way is the system property
 * {@code modscan.exits}: a few unless set.
 */
class ProcessEndTest {

    private static final int EXITS = Integer.getInteger("modscan.exits", 3);

    /** Milliseconds until the end: from the opening of the model to the middle of its captures. */
    private static final int LONGEST = 1200;

    /** What {@code System.exit} is called with. */
    private static final int STATUS = 3;

    @TempDir
    Path folder;

    private final Random random = new Random(Long.getLong("modscan.seed", System.nanoTime()));

    private Path model = Path.of("");
    private Path undisturbed = Path.of("");

    /** Opens a model, and captures again and again, into a file on one thread and into memory on another. */
    static final class Program {
        public static void main(String[] args) throws Exception {
            Path model = Path.of(args[0]);
            System.out.println("ready");
            List<Thread> threads = List.of(
                    new Thread(() -> {
                        Path file = Path.of(args[1]);
                        try (Probe probe = probe(model)) {
                            while (!file.toFile().exists() || file.toFile().delete()) {
                                probe.capture(prompts(), file);
                            }
                        }
                    }),
                    new Thread(() -> {
                        try (Probe probe = probe(model)) {
                            while (probe.capture(prompts()).prompts().size() > 0) {
                                // Until the process ends.
                            }
                        }
                    }));
            threads.forEach(thread -> thread.setDaemon(true));
            threads.forEach(Thread::start);
            Thread.sleep(args[2].equals("signal") ? 60_000 : Integer.parseInt(args[3]));
            if (args[2].equals("exit")) {
                System.exit(STATUS);
            }
        }
    }

    static Probe probe(Path model) {
        return Probe.builder(OptModel.open(model))
                .sites(Sites.z(), Sites.mlpPost(), Sites.residPost())
                .pooling(Pooling.mean())
                .memoryLimit(4 << 20) // batches must not hang on a process's -Xmx
                .build();
    }

    static Prompts prompts() {
        Random tokens = new Random(5);
        return Prompts.of(IntStream.range(0, 200)
                .mapToObj(i -> Prompt.ofTokens(
                        "p" + i,
                        tokens.ints(4 + tokens.nextInt(18), 3, TinyOpt.VOCABULARY)
                                .toArray()))
                .toList());
    }

    @BeforeEach
    void captureUndisturbed() {
        model = new TinyOpt().heads(64).layers(6).write(folder.resolve("model"));
        undisturbed = folder.resolve("undisturbed.safetensors");
        capture(undisturbed);
    }

    private void capture(Path file) {
        try (Probe probe = probe(model)) {
            probe.capture(prompts(), file);
        }
    }

    @Test
    void mainReturns() throws Exception {
        for (int i = 0; i < EXITS; i++) {
            end("return", "", 0);
        }
    }

    @Test
    void systemExits() throws Exception {
        for (int i = 0; i < EXITS; i++) {
            end("exit", "", STATUS);
        }
    }

    @Test
    @EnabledOnOs(
            value = {OS.LINUX, OS.MAC},
            disabledReason = "signals are sent with kill")
    void ctrlC() throws Exception {
        assumeThat(interruptIsIgnored())
                .as("these tests were started with Ctrl-C ignored, and so are their processes")
                .isFalse();
        for (int i = 0; i < EXITS; i++) {
            end("signal", "INT", 128 + 2);
        }
    }

    @Test
    @EnabledOnOs(
            value = {OS.LINUX, OS.MAC},
            disabledReason = "signals are sent with kill")
    void kill() throws Exception {
        for (int i = 0; i < EXITS; i++) {
            end("signal", "TERM", 128 + 15);
        }
    }

    /** A shell's background jobs don't get Ctrl-C. */
    private static boolean interruptIsIgnored() throws IOException {
        Path facts = Path.of("/proc/self/status");
        if (!Files.exists(facts)) {
            return false;
        }
        String ignored = Files.readAllLines(facts).stream()
                .filter(line -> line.startsWith("SigIgn:"))
                .findFirst()
                .orElseThrow();
        return (Long.parseUnsignedLong(ignored.replaceAll("\\D*:\\s*", ""), 16) & 2) != 0;
    }

    private void end(String way, String signal, int status) throws IOException, InterruptedException {
        Path out = Files.createTempDirectory(folder, "end").resolve("acts.safetensors");
        Path log = out.resolveSibling("log");
        int delay = random.nextInt(LONGEST);
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:ErrorFile=" + out.resolveSibling("crash"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Program.class.getName(),
                        model.toString(),
                        out.toString(),
                        way,
                        Integer.toString(delay))
                .redirectError(log.toFile())
                .start();
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            assertThat(lines.readLine()).as(Files.readString(log)).isEqualTo("ready");
            if (!signal.isEmpty()) {
                Thread.sleep(delay);
                new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
                        .start()
                        .waitFor();
            }
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("it ended").isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue())
                .as("%s %s after %s ms: %s", way, signal, delay, Files.readString(log))
                .isEqualTo(status);
        assertThat(out.resolveSibling("crash")).doesNotExist();
        goOn(out);
    }

    private void goOn(Path out) throws IOException {
        capture(out);
        assertThat(out).hasSameBinaryContentAs(undisturbed);
        try (Stream<Path> left = Files.list(out.resolveSibling("."))) {
            assertThat(left.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("acts.safetensors", "log");
        }
    }
}
