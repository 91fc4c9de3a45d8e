package io.modscan.onnx.fuzz;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs cases in a process that may end of them: {@code READER FIRST END FOLDER}. The number of the case at hand is in
 * {@code FOLDER/now}, so that it is known whatever happens; what was found, a line each, in {@code FOLDER/finds}. Negative numbers are those of the
 * reader's regressions.
 */
final class FuzzProcess {

    /** Status of a process one of whose cases took too long. */
    static final int HUNG = 9;

    /** A case may take so much of a processor's time, since a busy machine is no hang; and so much time if it only waits. */
    private static final long MOST_WORK = 10_000_000_000L;

    private static final long MOST_WAITING = 120_000_000_000L;

    /** A message is read by people. */
    private static final int LONGEST_MESSAGE = 4000;

    private final Path folder;
    private final Reader reader;
    private final ByteBuffer now;
    private final Thread worker = Thread.currentThread();
    private volatile long begun = Long.MAX_VALUE;
    private volatile long workBegun;

    private FuzzProcess(Reader reader, Path folder) throws IOException {
        this.reader = reader;
        this.folder = folder;
        try (FileChannel file = FileChannel.open(
                folder.resolve("now"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            now = file.map(FileChannel.MapMode.READ_WRITE, 0, Long.BYTES);
        }
    }

    public static void main(String... args) throws IOException {
        FuzzProcess process = new FuzzProcess(Reader.valueOf(args[0]), Path.of(args[3]));
        process.watch();
        process.run(Long.parseLong(args[1]), Long.parseLong(args[2]));
    }

    private void run(long first, long end) throws IOException {
        now.putLong(0, first);
        List<Map<String, byte[]>> valid = reader.valid(Files.createTempDirectory(folder, "valid"));
        List<Map<String, byte[]>> regressions = reader.regressions();
        for (long number = first; number < end; number++) {
            now.putLong(0, number);
            FuzzCase made =
                    number < 0 ? new FuzzCase(regressions.get((int) (-1 - number)), true) : FuzzCase.of(valid, number);
            Path files = write(made, folder.resolve("case"));
            workBegun = work();
            begun = System.nanoTime();
            String found = found(files, made.deeply());
            begun = Long.MAX_VALUE;
            if (found != null) {
                report(number, found);
            }
        }
    }

    private @Nullable String found(Path files, boolean deeply) {
        try {
            reader.read(files, deeply);
            return null;
        } catch (ModscanException e) {
            return unreadable(Objects.requireNonNullElse(e.getMessage(), "no message"));
        } catch (UncheckedIOException e) {
            return e.getCause() instanceof FileSystemException ? null : signature(e);
        } catch (Throwable e) { // whatever else it is has been found
            return signature(e);
        }
    }

    private static @Nullable String unreadable(String message) {
        if (message.length() > LONGEST_MESSAGE) {
            return "a message of " + message.length() + " characters: " + message.substring(0, 100);
        }
        return message.chars().anyMatch(c -> Character.isISOControl(c) && c != '\n' && c != '\t')
                ? "a message with control characters: " + message
                : null;
    }

    private static String signature(Throwable e) {
        return e + " at "
                + Arrays.stream(e.getStackTrace())
                        .filter(frame -> frame.getClassName().startsWith("io.modscan"))
                        .limit(2)
                        .toList();
    }

    private void report(long number, String what) throws IOException {
        String line = what.replaceAll("[\\p{Cntrl}\\p{Cs}]", "?");
        Files.writeString(
                folder.resolve("finds"),
                number + "\t" + line.substring(0, Math.min(line.length(), 600)) + "\n",
                StandardCharsets.UTF_8,
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
    }

    /** How long the reading thread has computed, in native code too. */
    private long work() {
        return ManagementFactory.getThreadMXBean().getThreadCpuTime(worker.getId());
    }

    private void watch() {
        Thread watch = new Thread(
                () -> {
                    while (true) {
                        try {
                            Thread.sleep(500);
                        } catch (InterruptedException e) {
                            return;
                        }
                        long since = begun;
                        if (since != Long.MAX_VALUE
                                && (work() - workBegun > MOST_WORK || System.nanoTime() - since > MOST_WAITING)) {
                            System.err.println("took too long:");
                            Arrays.stream(worker.getStackTrace()).forEach(frame -> System.err.println("  at " + frame));
                            Runtime.getRuntime().halt(HUNG);
                        }
                    }
                },
                "fuzz-watch");
        watch.setDaemon(true);
        watch.start();
    }

    /** Writes the files of a case into a folder that has nothing else in it. */
    static Path write(FuzzCase made, Path folder) throws IOException {
        clear(folder);
        Files.createDirectories(folder);
        for (Map.Entry<String, byte[]> file : made.files().entrySet()) {
            Files.write(folder.resolve(file.getKey()), file.getValue());
        }
        return folder;
    }

    static void clear(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(each);
            }
        }
    }
}
