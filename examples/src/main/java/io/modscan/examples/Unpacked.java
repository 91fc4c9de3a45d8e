package io.modscan.examples;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;

/** Files out of a jar, in a temporary folder that goes with the process: ONNX Runtime reads weights from files. */
final class Unpacked {

    private Unpacked() {}

    /**
     * Copies resources into a new folder.
     *
     * @param beside the class from whose place the resources are looked up
     * @param files  resources by the names that they are to have in the folder
     */
    static Path folder(Class<?> beside, Map<String, String> files) {
        try {
            Path folder = Files.createTempDirectory("modscan-");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
            for (Map.Entry<String, String> file : files.entrySet()) {
                copy(beside, file.getValue(), folder.resolve(file.getKey()));
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException("a model cannot be unpacked: " + e, e);
        }
    }

    private static void copy(Class<?> beside, String resource, Path target) throws IOException {
        try (InputStream in = beside.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("the build left out " + resource);
            }
            Files.createDirectories(target.resolveSibling(""));
            Files.copy(in, target);
        }
    }

    private static void delete(Path folder) {
        try (var files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            // A leftover in the temporary folder is the operating system's to clear.
        }
    }
}
