package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.modscan.demo.DemoModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The command line in processes of its own, which are killed, interrupted, and run out of disk. How many are killed is the
 * system property {@code modscan.kills}: a few unless set.
 */
class KilledCaptureTest {

    private static final int PROMPTS = 400;
    private static final int KILLS = Integer.getInteger("modscan.kills", 2);

    /** For what several tests compare with, or time by. */
    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static long scanMillis;

    private final Random random = new Random(Long.getLong("modscan.seed", System.nanoTime()));
    private final List<Process> started = new ArrayList<>();
    private Path ids = Path.of("");

    @BeforeEach
    void writePrompts() throws IOException {
        Random tokens = new Random(11);
        try (PrintWriter out =
                new PrintWriter(Files.newBufferedWriter(folder.resolve("ids.jsonl"), StandardCharsets.UTF_8))) {
            for (int i = 0; i < PROMPTS; i++) {
                String ids = tokens.ints(4 + tokens.nextInt(30), 4, 500)
                        .mapToObj(Integer::toString)
                        .collect(Collectors.joining(", "));
                out.println("{\"id\": \"p" + i + "\", \"topic\": \"t" + i % 7 + "\", \"ids\": [2, " + ids + "]}");
            }
        }
        ids = folder.resolve("ids.jsonl");
    }

    @AfterEach
    void leaveNothingRunning() {
        started.forEach(Process::destroyForcibly);
    }

    /** A capture that nothing happened to, made when it is first asked for. */
    private Path undisturbed() throws IOException, InterruptedException {
        Path out = Files.createDirectories(shared.resolve("undisturbed")).resolve("acts.safetensors");
        if (!Files.exists(out)) {
            finish(start(out));
        }
        return out;
    }

    private List<String> command(Path out, String... more) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-cp",
                System.getProperty("java.class.path"),
                Modscan.class.getName(),
                "capture",
                "--model",
                DemoModel.folder().toString(),
                "--ids",
                ids.toString(),
                "--sites",
                "hook_z,hook_post",
                "--out",
                out.toString()));
        command.addAll(List.of(more));
        return command;
    }

    private Process start(Path out, String... more) throws IOException {
        Process process = new ProcessBuilder(command(out, more))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        started.add(process);
        return process;
    }

    private void finish(Process process) throws IOException, InterruptedException {
        assertThat(process.waitFor(600, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as(Files.readString(folder.resolve("log")))
                .isZero();
    }

    private Path fresh(String name) throws IOException {
        return Files.createDirectory(folder.resolve(name)).resolve("acts.safetensors");
    }

    private static void awaitFile(Path file, Process process) throws InterruptedException {
        while (!Files.exists(file) && process.isAlive()) {
            Thread.sleep(1);
        }
    }

    private static Path beside(Path out, String ending) {
        return out.resolveSibling(out.getFileName() + ending);
    }

    private static List<String> names(Path out) throws IOException {
        try (Stream<Path> files = Files.list(out.resolveSibling("."))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static void assertSame(Path out, Path undisturbed) throws IOException {
        assertThat(names(out)).isEqualTo(names(undisturbed));
        for (String name : names(undisturbed)) {
            assertThat(out.resolveSibling(name)).hasSameBinaryContentAs(undisturbed.resolveSibling(name));
        }
    }

    /** Once into one file; once into several, by a chain of blocks, and with values as halves. */
    @ParameterizedTest
    @CsvSource({"4g, whole, 1g, f32", "60m, chain, 9m, f16"})
    void aCaptureThatWasKilledGoesOnWhereItWas(String fileSize, String load, String weights, String store)
            throws Exception {
        String[] options = {"--file-size", fileSize, "--load", load, "--weight-memory", weights, "--store", store};
        Path undisturbed = fresh("undisturbed");
        Process process = start(undisturbed, options);
        awaitFile(beside(undisturbed, ".lock"), process);
        long begun = System.nanoTime();
        finish(process);
        long span = (System.nanoTime() - begun) / 1_000_000;

        for (int kill = 0; kill < KILLS; kill++) {
            Path out = fresh("killed-" + kill);
            int times = 0;
            // Some captures are killed more than once before they are left alone.
            do {
                Process victim = start(out, options);
                awaitFile(beside(out, ".lock"), victim);
                Thread.sleep(random.nextLong(span + 1));
                victim.destroyForcibly().waitFor();
                times++;
            } while (times < 3 && random.nextInt(3) == 0);
            List<String> left = names(out);
            finish(start(out, options));
            assertSame(out, undisturbed);
            System.out.println("killed " + times + " times with " + left + " left: the same files in the end");
        }
    }

    private static void signal(String signal, Process process) throws IOException, InterruptedException {
        new ProcessBuilder("kill", signal, Long.toString(process.pid())).start().waitFor();
    }

    @Test
    @EnabledOnOs(
            value = {OS.LINUX, OS.MAC},
            disabledReason = "signals are sent with kill")
    void aSecondProcessIsRefused() throws Exception {
        Path out = fresh("out");
        Process first = start(out);
        awaitFile(beside(out, ".part"), first);
        signal("-STOP", first); // so that it can't be done before the second has begun
        CommandLineRun second = CommandLineRun.of(
                "capture", "--model", DemoModel.folder().toString(), "--ids", ids.toString(), "--out", out.toString());
        assertThat(second.err()).contains("another capture is being written");
        signal("-CONT", first);
        assertThat(second.status()).isEqualTo(1);
        finish(first);
        assertThat(names(out)).containsExactly("acts.safetensors");
    }

    /** Wherever it is: at the model, the capture, a metric, the modules, the tables, the page. */
    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143"})
    @EnabledOnOs(
            value = {OS.LINUX, OS.MAC},
            disabledReason = "signals are sent with kill")
    void aSignalEndsAScanAnywhere(String signal, int status) throws Exception {
        assumeThat(signal.equals("INT") && interruptIsIgnored())
                .as("these tests were started with Ctrl-C ignored, and so are their processes")
                .isFalse();
        long span = scanMillis();
        for (int i = 0; i < KILLS; i++) {
            Process process = scan("scan-" + i);
            long wait = span / 10 + random.nextLong(span * 8 / 10);
            boolean done = process.waitFor(wait, TimeUnit.MILLISECONDS);
            signal("-" + signal, process);
            long sent = System.nanoTime();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            long after = (System.nanoTime() - sent) / 1_000_000;
            String log = Files.readString(folder.resolve("log"));
            System.out.println("SIG" + signal + " " + wait + " ms after the start: status " + process.exitValue() + " "
                    + after + " ms later; " + log.strip().replaceAll("(?s).*\\R", ""));
            // It may have been done but for the last lines.
            boolean well =
                    done || log.lines().anyMatch(line -> line.startsWith("written: ") && line.endsWith("report.html"));
            assertThat(process.exitValue()).as(log).isEqualTo(well ? 0 : status);
        }
    }

    /** How long a scan takes that gets no signal. */
    private long scanMillis() throws IOException, InterruptedException {
        if (scanMillis == 0) {
            long begun = System.nanoTime();
            finish(scan("undisturbed"));
            scanMillis = (System.nanoTime() - begun) / 1_000_000;
        }
        return scanMillis;
    }

    private Process scan(String out) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Modscan.class.getName(),
                        "scan",
                        "--module-units",
                        Integer.getInteger("modscan.scan.units", 400).toString(),
                        "--out",
                        folder.resolve(out).toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        started.add(process);
        return process;
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

    @Test
    @EnabledOnOs(
            value = {OS.LINUX, OS.MAC},
            disabledReason = "signals are sent with kill")
    void ctrlCEndsItWithWhatIsDoneKept() throws Exception {
        Path undisturbed = undisturbed();
        Path out = fresh("out-0");
        String log = ended(out, 0);
        // Before the first batch is done there is nothing to keep, and after the last nothing to end.
        for (int attempt = 1; attempt < 50 && !Files.exists(beside(out, ".part")); attempt++) {
            out = fresh("out-" + attempt);
            log = ended(out, 20L * attempt);
        }
        assertThat(log).contains("interrupted", "acts.safetensors.part", "the same call goes on");
        assertThat(names(out)).containsExactly("acts.safetensors.part");
        finish(start(out));
        assertSame(out, undisturbed);
    }

    /** What a capture prints that gets a signal so long after its file has been begun. */
    private String ended(Path out, long millis) throws IOException, InterruptedException {
        Process process = start(out, "--progress", "none");
        awaitFile(beside(out, ".part"), process);
        boolean done = process.waitFor(millis, TimeUnit.MILLISECONDS);
        signal("-TERM", process);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String log = Files.readString(folder.resolve("log"));
        boolean well = done || Files.exists(out);
        assertThat(process.exitValue()).as(log).isIn(143, well ? 0 : 143);
        return log;
    }

    /** On a file system of its own that is too small at first. */
    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "a small file system is mounted with unshare")
    void aFullDiskEndsItWithWhatIsDoneKept() throws Exception {
        assumeThat(new ProcessBuilder("unshare", "-rm", "mount", "-t", "tmpfs", "none", folder.toString())
                        .start()
                        .waitFor())
                .as("users may mount file systems of their own here")
                .isZero();
        Path undisturbed = undisturbed();
        Path disk = Files.createDirectory(folder.resolve("disk"));
        Path out = disk.resolve("acts.safetensors");
        String capture = command(out).stream().map(word -> "'" + word + "'").collect(Collectors.joining(" "));
        Process process = new ProcessBuilder(
                        "unshare",
                        "-rm",
                        "sh",
                        "-c",
                        "mount -t tmpfs -o size=50m none " + disk + " && { " + capture + "; echo status $?; ls " + disk
                                + "; mount -o remount,size=2g " + disk + "; " + capture + "; echo status $?; cp " + out
                                + " " + folder.resolve("copy") + "; }")
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        started.add(process);
        finish(process);
        String log = Files.readString(folder.resolve("log"));
        assertThat(log)
                .contains("No space left on device", "what was done is kept in", "status 1\nacts.safetensors.part\n")
                .contains("status 0")
                .contains("were there before");
        assertThat(folder.resolve("copy")).hasSameBinaryContentAs(undisturbed);
    }
}
