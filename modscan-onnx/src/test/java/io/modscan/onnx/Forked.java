package io.modscan.onnx;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A class's {@code main} in a JVM of its own with a small heap: what ends that JVM is a failed test, not a dead build.
 *
 * @param status 0 if it came to its end
 * @param output what it printed
 */
public record Forked(int status, String output) {

    /** Runs it in 512 MiB. */
    public static Forked run(Class<?> main, Object... arguments) {
        return run("512m", main, arguments);
    }

    /** Runs it in a heap of a size. */
    public static Forked run(String heap, Class<?> main, Object... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + heap,
                "-XX:TieredStopAtLevel=1",
                "-XX:+SuppressFatalErrorMessage",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        try {
            File log = File.createTempFile("forked", ".log");
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(log)
                    .start();
            boolean ended = process.waitFor(120, TimeUnit.SECONDS);
            process.destroyForcibly().waitFor();
            String output = Files.readString(log.toPath());
            Files.delete(log.toPath());
            return new Forked(ended ? process.exitValue() : -1, output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError("interrupted", e);
        }
    }
}
