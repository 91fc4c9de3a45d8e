package io.modscan.core.model;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/** What native libraries need of threads: how many they are given unless a user says otherwise, and one to be loaded in. */
public final class Threads {

    private Threads() {}

    /**
     * One a physical core, or as many as this process may use if these are fewer: two threads on one core share the unit
     * that multiplies. The libraries' own choice would take cores that a container or {@code taskset} keeps from this process.
     *
     * @return at least 1
     */
    public static int usual() {
        return usual(Path.of("/sys/devices/system/cpu"), Runtime.getRuntime().availableProcessors());
    }

    /**
     * The smaller of the processors that Java may use and the cores that Linux tells of.
     *
     * @param processors a folder with one for each logical processor, which names those on the same core
     */
    static int usual(Path processors, int available) {
        Set<String> cores = new HashSet<>();
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(processors, "cpu[0-9]*")) {
            for (Path folder : folders) {
                Path siblings = folder.resolve("topology").resolve("thread_siblings_list");
                // A processor that is switched off has none.
                if (Files.exists(siblings)) {
                    cores.add(Files.readString(siblings));
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // Another system, or one that hides this.
            return available;
        }
        return cores.isEmpty() ? available : Math.min(cores.size(), available);
    }

    /**
     * Loads a native library in a thread that nobody interrupts. Such libraries are unpacked to files first, and Java closes a file
     * under an interrupted thread; a class that could not be initialised for that is lost for as long as the JVM lives.
     *
     * @param load what loads
     * @param <T>  what it returns
     * @return what it returned; if the calling thread was interrupted meanwhile, it still is
     */
    public static <T> T uninterrupted(Supplier<T> load) {
        FutureTask<T> task = new FutureTask<>(load::get);
        Thread thread = new Thread(task, "modscan-loading");
        thread.setDaemon(true);
        thread.start();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    if (e.getCause() instanceof Error error) {
                        throw error;
                    }
                    if (e.getCause() instanceof RuntimeException exception) {
                        throw exception;
                    }
                    throw new IllegalStateException(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
