package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@DisabledOnOs(value = OS.WINDOWS, disabledReason = "signals are sent with kill")
class SignalsTest {

    @TempDir
    Path folder;

    private final List<Process> started = new ArrayList<>();

    /** A command line whose one command waits for a signal. */
    static final class Program {
        public static void main(String[] args) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("shutdown")));
            CommandLine line = Modscan.commandLine(
                            new PrintWriter(System.out, true, StandardCharsets.UTF_8),
                            new PrintWriter(System.err, true, StandardCharsets.UTF_8))
                    .addSubcommand("wait", new Wait());
            int status = Signals.around(() -> line.execute(args));
            if (args[1].equals("lingering")) {
                System.out.println("over");
                pause(Duration.ofMinutes(1));
            }
            System.exit(status);
        }
    }

    private static void pause(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }

    @Command
    static final class Wait implements Runnable {
        @Parameters
        private String how = "";

        @Override
        public void run() {
            System.out.println("ready");
            boolean interrupted = false;
            while (!interrupted || how.equals("stubborn")) {
                try {
                    Thread.sleep(60_000);
                } catch (InterruptedException e) {
                    interrupted = true;
                    System.out.println("interrupted");
                }
            }
            if (how.equals("cancelled")) {
                // As it is when native code winds up: no shutdown may begin before.
                pause(Duration.ofMillis(300));
                System.out.println("unwound");
                throw new CancellationException("the capture was interrupted after 7 of 10 prompts");
            }
        }
    }

    private Process start(String how) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Program.class.getName(),
                        "wait",
                        how)
                .redirectError(folder.resolve("err").toFile())
                .start();
        started.add(process);
        return process;
    }

    @AfterEach
    void leaveNothingBehind() {
        started.forEach(Process::destroyForcibly);
    }

    private static void send(String signal, Process process) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    private static int status(Process process) throws InterruptedException {
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).as("it ended").isTrue();
        return process.exitValue();
    }

    /** A process inherits what is ignored: a shell's background jobs don't get Ctrl-C, and {@code nohup} keeps HUP away. */
    private static void assumeNotIgnored(int number) throws IOException {
        Path facts = Path.of("/proc/self/status");
        if (Files.exists(facts)) {
            String ignored = Files.readAllLines(facts).stream()
                    .filter(line -> line.startsWith("SigIgn:"))
                    .findFirst()
                    .orElseThrow();
            long mask = Long.parseUnsignedLong(ignored.replaceAll("\\D*:\\s*", ""), 16);
            assumeThat(mask & (1L << (number - 1)))
                    .as("the tests were started with signal %s ignored", number)
                    .isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"INT, 2", "TERM, 15", "HUP, 1"})
    void theFirstSignalInterruptsAndShutdownWaits(String signal, int number) throws Exception {
        assumeNotIgnored(number);
        Process process = start("cancelled");
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            assertThat(out.readLine()).isEqualTo("ready");
            send(signal, process);
            assertThat(out.lines()).containsExactly("interrupted", "unwound", "shutdown");
        }
        assertThat(status(process)).isEqualTo(128 + number);
        assertThat(Files.readAllLines(folder.resolve("err")))
                .containsExactly("modscan: the capture was interrupted after 7 of 10 prompts");
    }

    @ParameterizedTest
    @CsvSource({"INT, 2", "TERM, 15"})
    void theSecondSignalEndsTheProcessAtOnce(String signal, int number) throws Exception {
        assumeNotIgnored(number);
        Process process = start("stubborn");
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            assertThat(out.readLine()).isEqualTo("ready");
            send(signal, process);
            assertThat(out.readLine()).isEqualTo("interrupted");
            send(signal, process);
            // Who doesn't heed it is interrupted again and again.
            assertThat(out.lines()).allMatch("interrupted"::equals);
        }
        assertThat(status(process)).isEqualTo(128 + number);
    }

    @Test
    void aCommandThatEndsWellAllTheSameHasSucceeded() throws Exception {
        Process process = start("calm");
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            assertThat(out.readLine()).isEqualTo("ready");
            send("TERM", process);
            assertThat(out.lines()).containsExactly("interrupted", "shutdown");
        }
        assertThat(status(process)).isZero();
    }

    @Test
    void behindTheCommandSignalsDoWhatTheyAlwaysDo() throws Exception {
        Process process = start("lingering");
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            assertThat(out.readLine()).isEqualTo("ready");
            send("TERM", process);
            assertThat(out.readLine()).isEqualTo("interrupted");
            assertThat(out.readLine()).isEqualTo("over");
            send("TERM", process);
            assertThat(out.lines()).containsExactly("shutdown");
        }
        assertThat(status(process)).isEqualTo(128 + 15);
    }

    @Test
    void withoutASignalTheStatusIsTheCommandsOwn() {
        assertThat(Signals.around(() -> 0)).isZero();
        assertThat(Signals.around(() -> 2)).isEqualTo(2);
    }
}
