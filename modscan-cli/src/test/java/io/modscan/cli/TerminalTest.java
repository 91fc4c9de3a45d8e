package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TerminalTest {

    /** Prints what standard error is. */
    static final class Program {
        public static void main(String[] args) {
            System.out.print(Terminal.ofStandardError());
        }
    }

    private static final String PROGRAM = "'" + Path.of(System.getProperty("java.home"), "bin", "java") + "' -cp '"
            + System.getProperty("java.class.path") + "' '" + Program.class.getName() + "'";

    private static String output(ProcessBuilder builder) throws IOException {
        builder.environment().remove("COLUMNS");
        builder.environment().put("TERM", "xterm");
        Process process = builder.start();
        process.getOutputStream().close();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    /** Runs the program on a terminal of its own, as util-linux's {@code script} makes one. */
    private static String onTerminal(String command) throws IOException {
        Path script = Path.of("/usr/bin/script");
        assumeThat(OS.LINUX.isCurrentOs())
                .as("macOS's script has other options")
                .isTrue();
        assumeThat(script).as("script, of util-linux, makes the terminal").exists();
        return output(new ProcessBuilder(script.toString(), "-q", "-e", "-c", command, "/dev/null")
                .redirectError(Redirect.INHERIT));
    }

    @Test
    void aTerminalRedraws() throws IOException {
        assertThat(onTerminal("stty cols 123; " + PROGRAM)).contains("redraws=true, columns=123");
        assertThat(onTerminal("stty cols 0; " + PROGRAM)).contains("redraws=true, columns=80");
        assertThat(onTerminal("stty cols 123; COLUMNS=99 " + PROGRAM)).contains("redraws=true, columns=99");
    }

    @Test
    void onlyStandardErrorCounts() throws IOException {
        assertThat(onTerminal(PROGRAM + " 2>/dev/null")).contains("redraws=false");
        assertThat(onTerminal(PROGRAM + " </dev/null | cat")).contains("redraws=true");
    }

    @Test
    void aDumbTerminalDoesNotRedraw() throws IOException {
        assertThat(onTerminal("TERM=dumb " + PROGRAM)).contains("redraws=false");
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "it has no /bin/sh to run the command with")
    void aFileOrPipeDoesNotRedraw() throws IOException {
        assertThat(output(new ProcessBuilder("/bin/sh", "-c", PROGRAM + " 2>/dev/null")))
                .isEqualTo("Terminal[redraws=false, columns=80]");
        assertThat(output(new ProcessBuilder("/bin/sh", "-c", PROGRAM).redirectErrorStream(true)))
                .isEqualTo("Terminal[redraws=false, columns=80]");
    }

    @Test
    void withoutAShellNothingIsKnown() {
        assertThat(Terminal.posix(Map.of(), "/nowhere/sh")).isEqualTo(new Terminal(false, 80));
    }

    @Test
    void anInterruptIsKept() {
        Thread.currentThread().interrupt();
        Terminal.posix(Map.of(), "/bin/sh");
        assertThat(Thread.interrupted()).isTrue();
    }

    /** The tests' own standard input is a pipe, so there is no terminal. */
    @Test
    void theGuessOnWindowsIsJavasOwn() {
        assertThat(Terminal.windows(Map.of("COLUMNS", "100"))).isEqualTo(new Terminal(false, 100));
    }

    @ParameterizedTest
    @CsvSource({"'', 24 100, 100", "90, 24 100, 90", "'', '', 80", "0, 0 0, 80", "wide, 24 100, 100", "-5, x, 80"})
    void theWidthIsThatOfTheEnvironmentOrMeasured(String environment, String size, int columns) {
        assertThat(Terminal.columns(Map.of("COLUMNS", environment), size)).isEqualTo(columns);
    }
}
