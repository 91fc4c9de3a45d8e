package io.modscan.scan;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.file.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A folder that results are written into, each file whole or not at all. */
final class ResultFolder {

    private final Path folder;
    private final List<Path> written = new ArrayList<>();

    private final Consumer<String> progress;

    ResultFolder(Path folder) {
        this(folder, name -> {});
    }

    /** @param progress is told the name of each file that is begun */
    ResultFolder(Path folder, Consumer<String> progress) {
        this.folder = folder;
        this.progress = progress;
    }

    void table(String name, boolean there, Consumer<Path> writer) {
        file(name, there, file -> WholeFile.write(file, writer::accept));
    }

    void file(String name, boolean there, Consumer<Path> writer) {
        Path file = folder.resolve(name);
        if (there) {
            progress.accept(name);
            writer.accept(file);
            written.add(file);
        } else {
            removeOfEarlierRun(file);
        }
    }

    /** What an earlier run left would be taken for this one's. */
    private static void removeOfEarlierRun(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": is of an earlier run and cannot be removed: " + e, e);
        }
    }

    List<Path> written() {
        return List.copyOf(written);
    }

    /** Writes what the results are of. */
    void provenance(Map<String, String> facts) {
        file(
                "provenance.json",
                true,
                file -> WholeFile.write(
                        file,
                        aside -> JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).write(facts, aside.toFile())));
    }
}
