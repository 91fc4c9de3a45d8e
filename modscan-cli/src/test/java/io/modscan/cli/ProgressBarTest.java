package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.cli.ProgressBar.Style;
import io.modscan.core.model.Progress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class ProgressBarTest {

    private final StringWriter printed = new StringWriter();

    private ProgressBar progressBar(Style style, int columns) {
        return new ProgressBar(new PrintWriter(printed), style, columns);
    }

    private static Progress after(Duration elapsed, long tokens) {
        return new Progress(tokens / 10, OptionalLong.of(100_000), tokens, OptionalLong.of(1_000_000), 0, 0, elapsed);
    }

    /** What was printed between the returns to the start of the line. */
    private List<String> drawings() {
        return List.of(printed.toString().substring(1).split("\r", -1));
    }

    private List<String> lines() {
        return printed.toString().lines().toList();
    }

    @Test
    void aBarTellsShareFiguresSpeedAndRest() {
        try (ProgressBar bar = progressBar(Style.BAR, 80)) {
            bar.accept(after(Duration.ofSeconds(100), 250_000));
        }
        assertThat(drawings().get(0))
                .isEqualTo("[======                    ]  25%  250k/1.00M tokens  2500 tokens/s  5m00s left");
        assertThat(drawings().get(1).stripTrailing()).isEqualTo("captured 250k tokens in 1m40s, 2500 tokens/s");
        assertThat(printed.toString()).endsWith(System.lineSeparator());
    }

    @Test
    void aBarIsRedrawnAtMostTenTimesASecond() {
        ProgressBar bar = progressBar(Style.BAR, 80);
        for (int millis = 0; millis <= 1000; millis++) {
            bar.accept(after(Duration.ofMillis(millis), millis));
        }
        assertThat(drawings()).hasSize(11);
    }

    @Test
    void aShorterDrawingCoversTheOneBefore() {
        try (ProgressBar bar = progressBar(Style.BAR, 80)) {
            bar.accept(after(Duration.ofHours(10), 123_456));
            bar.accept(after(Duration.ofHours(80), 1_000_000));
        }
        List<String> drawings = drawings();
        for (int i = 1; i < drawings.size(); i++) {
            assertThat(drawings.get(i).length())
                    .isGreaterThanOrEqualTo(drawings.get(i - 1).stripTrailing().length());
        }
    }

    @ParameterizedTest
    @CsvSource({"10", "20", "40", "60", "80", "200"})
    void nothingIsWiderThanTheTerminal(int columns) {
        ProgressBar bar = progressBar(Style.BAR, columns);
        bar.accept(after(Duration.ofSeconds(100), 250_000));
        bar.accept(after(Duration.ofSeconds(200), 950_000));
        assertThat(drawings()).allSatisfy(drawing -> assertThat(drawing).hasSizeLessThan(columns));
        assertThat(printed.toString().contains("[")).isEqualTo(columns >= 60);
    }

    @Test
    void withoutTotalsThereAreFiguresOnly() {
        ProgressBar bar = progressBar(Style.BAR, 80);
        bar.accept(new Progress(7, OptionalLong.empty(), 700, OptionalLong.empty(), 0, 0, Duration.ofSeconds(7)));
        assertThat(printed).hasToString("\r7 prompts, 700 tokens  100 tokens/s");
    }

    @Test
    void promptsTellTheShareWhereTokensHaveNoTotal() {
        ProgressBar bar = progressBar(Style.BAR, 80);
        bar.accept(new Progress(7, OptionalLong.of(10), 700, OptionalLong.empty(), 0, 0, Duration.ofSeconds(7)));
        assertThat(printed.toString()).endsWith("]  70%  7/10 prompts, 700 tokens  100 tokens/s");
    }

    @Test
    void anExtrapolationThatWasTooLowIsNoMoreThanAll() {
        ProgressBar bar = progressBar(Style.BAR, 80);
        bar.accept(new Progress(7, OptionalLong.of(10), 700, OptionalLong.of(500), 0, 0, Duration.ofSeconds(7)));
        assertThat(printed.toString()).contains("=] 100%  700/500 tokens").endsWith("0s left");
    }

    @Test
    void whatWasThereBeforeIsTold() {
        try (ProgressBar bar = progressBar(Style.LINES, 80)) {
            bar.accept(new Progress(
                    7, OptionalLong.of(10), 700, OptionalLong.of(1000), 0, 500, Duration.ofMillis(3_723_500)));
        }
        assertThat(lines().get(lines().size() - 1))
                .isEqualTo("captured 200 tokens in 1h02m, 0 tokens/s; 500 were there before");
    }

    @Test
    void linesComeAtTenthsButNotWithinHalfAMinute() {
        ProgressBar bar = progressBar(Style.LINES, 80);
        for (int second = 0; second <= 100; second++) {
            bar.accept(after(Duration.ofSeconds(second), second * 10_000L));
        }
        for (int second = 100; second <= 800; second++) {
            bar.accept(after(Duration.ofSeconds(second), 1_000_000));
        }
        assertThat(lines())
                .extracting(line -> line.substring(0, 4))
                .containsExactly(" 30%", " 60%", " 90%", "100%", "100%");
        assertThat(lines().get(0)).isEqualTo(" 30%  300k/1.00M tokens  10.0k tokens/s  1m10s left");
    }

    @Test
    void linesOfALongCaptureComeEveryTenMinutes() {
        ProgressBar bar = progressBar(Style.LINES, 80);
        for (int minute = 0; minute <= 60; minute++) {
            bar.accept(after(Duration.ofMinutes(minute), minute));
        }
        assertThat(lines()).hasSize(6);
        assertThat(lines().get(0)).startsWith("  0%  10/1.00M tokens  0 tokens/s");
    }

    @Test
    void aShortCapturePrintsItsLastLineOnly() {
        try (ProgressBar bar = progressBar(Style.LINES, 80)) {
            bar.accept(after(Duration.ofSeconds(1), 500_000));
            bar.accept(after(Duration.ofSeconds(2), 1_000_000));
        }
        assertThat(printed).hasToString("captured 1.00M tokens in 2s, 500k tokens/s" + System.lineSeparator());
    }

    @Test
    void noneAndNothingPrintNothing() {
        try (ProgressBar none = progressBar(Style.NONE, 80);
                ProgressBar unused = progressBar(Style.BAR, 80)) {
            none.accept(after(Duration.ofSeconds(100), 1_000_000));
            assertThat(unused).isNotNull();
        }
        assertThat(printed.toString()).isEmpty();
    }

    @Test
    void closingTwiceSaysItOnce() {
        ProgressBar bar = progressBar(Style.LINES, 80);
        bar.accept(after(Duration.ofSeconds(1), 1_000_000));
        bar.close();
        bar.close();
        assertThat(lines()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "9999, 9999",
        "10000, 10.0k",
        "12345, 12.3k",
        "99949, 99.9k",
        "99950, 100k",
        "999499, 999k",
        "999500, 1.00M",
        "9994999, 9.99M",
        "9995000, 10.0M",
        "1234567890, 1.23B",
        "1234567890123, 1.23T",
        "9223372036854775807, 9223372T"
    })
    void numbersAreShort(long number, String text) {
        assertThat(ProgressBar.number(number)).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({
        "PT0S, 0s",
        "PT12.9S, 12s",
        "PT59.999S, 59s",
        "PT3M5S, 3m05s",
        "PT59M59S, 59m59s",
        "PT1H2M3S, 1h02m",
        "PT100H59M, 100h59m"
    })
    void timesHaveTwoUnits(Duration time, String text) {
        assertThat(ProgressBar.time(time)).isEqualTo(text);
    }

    /** Its own standard error is no terminal, whatever the choice is. */
    @ParameterizedTest
    @CsvSource({"--progress=bar, true", "--progress=BAR, true", "--progress=lines, false", "--progress=none, false"})
    void theStyleCanBeChosen(String option, boolean redrawn) {
        ProgressOptions options = new ProgressOptions();
        new CommandLine(options).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(option);
        try (ProgressBar bar = options.open(new PrintWriter(printed, true))) {
            bar.accept(after(Duration.ofSeconds(1), 1_000_000));
        }
        assertThat(printed.toString().contains("\r")).isEqualTo(redrawn);
        assertThat(printed.toString().isEmpty()).isEqualTo(option.endsWith("none"));
    }
}
