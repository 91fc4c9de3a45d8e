package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuickStartTest {

    @TempDir
    Path folder;

    @Test
    void printsWhatLightsUpAndWritesThePage() {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        QuickStart.scan(folder, new PrintStream(printed, true, StandardCharsets.UTF_8));
        assertThat(printed.toString(StandardCharsets.UTF_8)).contains(", law: AUROC 1.000", "report.html");
        assertThat(folder.resolve("units.csv")).isNotEmptyFile();
        assertThat(folder.resolve("report.html")).isNotEmptyFile();
    }
}
