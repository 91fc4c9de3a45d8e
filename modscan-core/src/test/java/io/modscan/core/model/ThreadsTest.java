package io.modscan.core.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ThreadsTest {

    @TempDir
    private Path processors;

    private void processor(int number, String siblings) throws IOException {
        Path topology = Files.createDirectories(processors.resolve("cpu" + number + "/topology"));
        Files.writeString(topology.resolve("thread_siblings_list"), siblings + "\n");
    }

    @Test
    void twoProcessorsOfOneCoreCountOnce() throws IOException {
        processor(0, "0,2");
        processor(1, "1,3");
        processor(2, "0,2");
        processor(3, "1,3");
        assertThat(Threads.usual(processors, 4)).isEqualTo(2);
    }

    @Test
    void noMoreThanJavaMayUse() throws IOException {
        processor(0, "0");
        processor(1, "1");
        processor(2, "2");
        assertThat(Threads.usual(processors, 2)).isEqualTo(2);
    }

    @Test
    void aProcessorThatIsSwitchedOffAndOtherFoldersDoNotCount() throws IOException {
        processor(0, "0");
        Files.createDirectories(processors.resolve("cpu1"));
        Files.createDirectories(processors.resolve("cpufreq"));
        assertThat(Threads.usual(processors, 4)).isEqualTo(1);
    }

    @Test
    void whereNothingIsToldJavasNumberCounts() {
        assertThat(Threads.usual(processors, 3)).isEqualTo(3);
        assertThat(Threads.usual(processors.resolve("missing"), 3)).isEqualTo(3);
    }

    @Test
    void thereIsAlwaysAThread() {
        assertThat(Threads.usual()).isBetween(1, Runtime.getRuntime().availableProcessors());
    }

    @Test
    void anInterruptedThreadLoadsAllTheSame() {
        Thread.currentThread().interrupt();
        try {
            assertThat(Threads.uninterrupted(() -> Thread.currentThread().isInterrupted()))
                    .isFalse();
        } finally {
            assertThat(Thread.interrupted()).as("the interrupt is kept").isTrue();
        }
    }

    @Test
    void whatCouldNotBeLoadedIsThrownAsItWas() {
        assertThatExceptionOfType(UnsatisfiedLinkError.class)
                .isThrownBy(() -> Threads.uninterrupted(() -> {
                    throw new UnsatisfiedLinkError("not for this system");
                }))
                .withMessage("not for this system");
    }
}
