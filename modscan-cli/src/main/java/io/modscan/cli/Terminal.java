package io.modscan.cli;

import java.io.Console;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Whether standard error is a terminal on which a line can be redrawn, and how wide it is. Java's own
 * {@link System#console()} tells of standard input and output only.
 */
record Terminal(boolean redraws, int columns) {

    private static final int USUAL_COLUMNS = 80;

    private static final Pattern ROWS_AND_COLUMNS = Pattern.compile("\\d+ (\\d+)\\s*");

    static Terminal ofStandardError() {
        Map<String, String> environment = System.getenv();
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        return system.startsWith("windows") ? windows(environment) : posix(environment, "/bin/sh");
    }

    /** Asks a shell that inherits standard error: the file descriptor is out of Java's reach. */
    static Terminal posix(Map<String, String> environment, String shell) {
        // Emacs and some editors run commands on a terminal that cannot go back to the start of a line.
        boolean dumb = "dumb".equals(environment.get("TERM"));
        try {
            Process asking = new ProcessBuilder(shell, "-c", "test -t 2 || exit 1; stty size <&2 2>/dev/null || true")
                    .redirectInput(Redirect.PIPE)
                    .redirectError(Redirect.INHERIT)
                    .start();
            asking.getOutputStream().close();
            String size = new String(asking.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            return new Terminal(asking.waitFor() == 0 && !dumb, columns(environment, size));
        } catch (IOException e) {
            return new Terminal(false, columns(environment, ""));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Terminal(false, columns(environment, ""));
        }
    }

    /** Has no such tool. That input and output are a terminal is the best guess, and {@code --progress} the way out. */
    static Terminal windows(Map<String, String> environment) {
        return new Terminal(isOutput(System.console()), columns(environment, ""));
    }

    /** Whether standard output is one, for all that Java tells. */
    static boolean isOutput(@Nullable Console console) {
        return console != null && isTerminal(console);
    }

    /** Since Java 22 there is a console without a terminal too, and a method, which Java 17 has not, that tells. */
    private static boolean isTerminal(Console console) {
        try {
            return Boolean.TRUE.equals(Console.class.getMethod("isTerminal").invoke(console));
        } catch (NoSuchMethodException e) {
            return true;
        } catch (ReflectiveOperationException e) {
            return false;
        }
    }

    static int columns(Map<String, String> environment, String size) {
        Matcher measured = ROWS_AND_COLUMNS.matcher(size);
        int columns = number(environment.getOrDefault("COLUMNS", ""));
        if (columns == 0 && measured.matches()) {
            columns = number(measured.group(1));
        }
        return columns == 0 ? USUAL_COLUMNS : columns;
    }

    private static int number(String digits) {
        return digits.matches("\\d{1,4}") ? Integer.parseInt(digits) : 0;
    }
}
