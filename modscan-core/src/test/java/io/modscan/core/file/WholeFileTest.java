package io.modscan.core.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTest {

    @TempDir
    private Path folder;

    private List<Path> files() throws IOException {
        try (var files = Files.list(folder)) {
            return files.toList();
        }
    }

    @Test
    void replacesTheFile() throws IOException {
        Path target = Files.writeString(folder.resolve("f"), "old");
        WholeFile.write(target, aside -> Files.writeString(aside, "new"));
        assertThat(target).hasContent("new");
        assertThat(files()).containsExactly(target);
    }

    @Test
    void aFailureLeavesTheOldFileAndNothingElse() throws IOException {
        Path target = Files.writeString(folder.resolve("f"), "old");
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> WholeFile.write(target, aside -> {
                    Files.writeString(aside, "half");
                    throw new IOException("disk on fire");
                }))
                .withMessageContainingAll(target.toString(), "disk on fire");
        assertThat(target).hasContent("old");
        assertThat(files()).containsExactly(target);
    }

    @Test
    void makesFoldersThatAreNotThere() {
        Path target = folder.resolve("a/b/f");
        WholeFile.write(target, aside -> Files.writeString(aside, "new"));
        assertThat(target).hasContent("new");
    }

    @Test
    void aFolderInThePlaceOfTheFileIsNamed() {
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> WholeFile.prepare(folder))
                .withMessageContainingAll(folder.toString(), "is a folder");
    }

    @Test
    void aFileInThePlaceOfTheFolderIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("f"), "");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> WholeFile.prepare(file.resolve("g")))
                .withMessageContaining(file.resolve("g").toString());
    }

    @Test
    void manyWritersOfOneFileDoNotMeet() throws Exception {
        Path target = folder.resolve("f");
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<?>> writes = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                String content = Integer.toString(i % 10).repeat(50_000);
                writes.add(threads.submit(() -> WholeFile.write(target, aside -> Files.writeString(aside, content))));
            }
            for (Future<?> write : writes) {
                write.get();
            }
        } finally {
            threads.shutdown();
        }
        String content = Files.readString(target);
        assertThat(content).hasSize(50_000).matches("(.)\\1*");
        assertThat(files()).containsExactly(target);
    }
}
