package io.modscan.cli;

import io.modscan.core.model.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Shows how far a capture has come: on a terminal in one line that is redrawn, elsewhere in a line now and then. */
final class ProgressBar implements Consumer<Progress>, AutoCloseable {

    /** How progress is shown. */
    enum Style {
        BAR,
        LINES,
        NONE
    }

    private static final Duration BETWEEN_DRAWINGS = Duration.ofMillis(100);
    private static final Duration BETWEEN_LINES = Duration.ofSeconds(30);
    private static final Duration LONG_SILENCE = Duration.ofMinutes(10);

    private final PrintWriter err;
    private final Style style;
    private final StatusLine line;
    private @Nullable Progress last;
    private @Nullable Duration shown;
    private int shownTenth;

    /**
     * Prints nothing before the first report.
     *
     * @param columns the terminal's width, which counts for a bar only
     */
    ProgressBar(PrintWriter err, Style style, int columns) {
        this.err = err;
        this.style = style;
        this.line = new StatusLine(err, columns);
    }

    /** Shows the progress if it is time to. A capture's threads may call this. */
    @Override
    public synchronized void accept(Progress progress) {
        last = progress;
        if (style == Style.BAR && isDue(BETWEEN_DRAWINGS, progress)) {
            shown = progress.elapsed();
            line.draw(share(progress), percent(progress) + figures(progress));
        } else if (style == Style.LINES) {
            line(progress);
        }
    }

    private boolean isDue(Duration pause, Progress progress) {
        return shown == null || progress.elapsed().minus(shown).compareTo(pause) >= 0;
    }

    /** A line for each tenth, but not two within 30 seconds; and one every ten minutes where tenths are rarer. */
    private void line(Progress progress) {
        if (shown == null) {
            shown = Duration.ZERO;
        }
        int tenth = (int) (10 * share(progress));
        boolean tenthDue = tenth > shownTenth && isDue(BETWEEN_LINES, progress);
        if (tenthDue || isDue(LONG_SILENCE, progress)) {
            shown = progress.elapsed();
            shownTenth = Math.max(tenth, shownTenth);
            err.println(percent(progress) + figures(progress));
            err.flush();
        }
    }

    /** The part of the work that is done, from 0 to 1, or less than 0 where that is not known. */
    private static double share(Progress progress) {
        boolean byTokens = progress.tokensTotal().isPresent();
        OptionalLong total = byTokens ? progress.tokensTotal() : progress.promptsTotal();
        long done = byTokens ? passed(progress) : progress.prompts();
        return total.isEmpty() ? -1 : Math.min(1, done / (double) Math.max(1, total.getAsLong()));
    }

    /** Tokens that have passed some blocks count in part. */
    private static long passed(Progress progress) {
        return progress.tokens() + progress.tokensUnderWay();
    }

    private static String percent(Progress progress) {
        double share = share(progress);
        return share < 0 ? "" : String.format(Locale.ROOT, "%3d%%  ", (int) (100 * share));
    }

    private static String figures(Progress progress) {
        String tokens = of(passed(progress), progress.tokensTotal()) + " tokens";
        // Where tokens have no total, prompts may have one.
        String done = progress.tokensTotal().isPresent()
                ? tokens
                : of(progress.prompts(), progress.promptsTotal()) + " prompts, " + tokens;
        return done + "  " + speed(progress)
                + progress.remaining().map(left -> "  " + time(left) + " left").orElse("");
    }

    private static String of(long done, OptionalLong total) {
        return number(done) + (total.isPresent() ? "/" + number(total.getAsLong()) : "");
    }

    private static String speed(Progress progress) {
        return number((long) progress.tokensPerSecond()) + " tokens/s";
    }

    /** Three digits or four: 1234, 12.3k, 1.23M, 123B. */
    static String number(long number) {
        double rest = number;
        String unit = "";
        for (String next : new String[] {"k", "M", "B", "T"}) {
            // What would be printed as 1000 is one of the next unit.
            if (rest < (unit.isEmpty() ? 10_000 : 999.5)) {
                break;
            }
            rest /= 1000;
            unit = next;
        }
        int decimals = unit.isEmpty() || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
        return String.format(Locale.ROOT, "%." + decimals + "f%s", rest, unit);
    }

    /** The two leading units: 1h02m, 3m05s, 12s. */
    static String time(Duration time) {
        if (time.toHours() > 0) {
            return String.format(Locale.ROOT, "%dh%02dm", time.toHours(), time.toMinutesPart());
        }
        if (time.toMinutes() > 0) {
            return String.format(Locale.ROOT, "%dm%02ds", time.toMinutes(), time.toSecondsPart());
        }
        return time.toSeconds() + "s";
    }

    @Override
    public void close() {
        end();
    }

    /** Says what was done, whether or not that is all; nothing where there was no report. */
    synchronized void end() {
        Progress end = last;
        last = null;
        if (end == null || style == Style.NONE) {
            return;
        }
        String text = "captured " + number(passed(end) - end.tokensBefore()) + " tokens in " + time(end.elapsed())
                + ", " + speed(end)
                + (end.tokensBefore() > 0 ? "; " + number(end.tokensBefore()) + " were there before" : "");
        if (style == Style.BAR) {
            line.draw(text);
        } else {
            err.print(text);
        }
        line.end();
    }
}
