package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.cli.ProgressBar.Style;
import io.modscan.metrics.modules.ModuleProgress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class ModuleBarTest {

    private final StringWriter printed = new StringWriter();
    private Instant now = Instant.EPOCH;

    private ModuleBar moduleBar(Style style) {
        return new ModuleBar(new PrintWriter(printed), style, 80, () -> now);
    }

    private void run(ModuleBar bar, String of, int seconds) {
        bar.begins();
        for (int step = 1; step <= 4; step++) {
            now = now.plusSeconds(seconds);
            bar.accept(of, new ModuleProgress(step == 1 ? "prompts" : "halves", step, 4));
        }
    }

    @Test
    void aBarIsRedrawnAndEndsInALine() {
        try (ModuleBar bar = moduleBar(Style.BAR)) {
            run(bar, "units", 2);
        }
        String[] drawn = printed.toString().split("\r");
        assertThat(drawn[1]).startsWith("[====").endsWith("]  25%  modules of units: prompts, 1 of 4");
        assertThat(drawn[2]).endsWith("]  50%  modules of units: halves, 2 of 4");
        assertThat(drawn).hasSize(5).allMatch(line -> line.stripTrailing().length() < 80);
        assertThat(drawn[4].stripTrailing()).isEqualTo("looked for modules of units in 8s");
        assertThat(printed.toString()).endsWith(System.lineSeparator());
    }

    @Test
    void linesAreFewAndOneTellsTheEnd() {
        try (ModuleBar bar = moduleBar(Style.LINES)) {
            run(bar, "units", 20);
            run(bar, "components", 1);
        }
        assertThat(printed.toString().lines())
                .containsExactly(
                        " 50%  modules of units: halves, 2 of 4",
                        "looked for modules of units in 1m20s", "looked for modules of components in 4s");
    }

    @Test
    void whoWantsNothingGetsNothing() {
        try (ModuleBar bar = moduleBar(Style.NONE)) {
            run(bar, "units", 100);
        }
        assertThat(printed.toString()).isEmpty();
    }

    @Test
    void anInterruptedSearchLeavesItsLine() {
        try (ModuleBar bar = moduleBar(Style.BAR)) {
            bar.accept("units", new ModuleProgress("prompts", 1, 4));
        }
        assertThat(printed.toString()).endsWith(System.lineSeparator());
    }
}
