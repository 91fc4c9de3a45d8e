package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.cli.ProgressBar.Style;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class StepBarTest {

    private final StringWriter printed = new StringWriter();
    private Instant now = Instant.EPOCH;

    private StepBar bar(Style style) {
        return new StepBar(new PrintWriter(printed), style, 80, () -> now);
    }

    private void step(StepBar bar, String name, int seconds) {
        bar.accept(name);
        for (int i = 0; i < seconds; i++) {
            bar.look();
            now = now.plusSeconds(1);
        }
        bar.look();
    }

    @Test
    void onATerminalTheStepIsShownAtOnceAndTakenAwayAtTheEnd() {
        try (StepBar bar = bar(Style.BAR)) {
            step(bar, "units.csv", 0);
            step(bar, "report", 5);
        }
        assertThat(printed.toString()).isEqualTo("\runits.csv …\rreport …   \r" + " ".repeat(8) + "\r");
    }

    @Test
    void elsewhereALineTellsOnceOfWhatTakesLong() {
        try (StepBar bar = bar(Style.LINES)) {
            step(bar, "units.csv", 1);
            step(bar, "report.html", 30);
            step(bar, "", 30);
        }
        assertThat(printed.toString().lines()).containsExactly("report.html …");
    }

    @Test
    void whoWantsNothingGetsNothing() {
        try (StepBar bar = bar(Style.NONE)) {
            step(bar, "report.html", 30);
        }
        assertThat(printed.toString()).isEmpty();
    }
}
