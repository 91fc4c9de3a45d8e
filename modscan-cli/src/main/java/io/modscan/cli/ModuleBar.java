package io.modscan.cli;

import io.modscan.cli.ProgressBar.Style;
import io.modscan.metrics.modules.ModuleProgress;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Locale;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Shows how far the search for modules has come, as {@link ProgressBar} shows a capture. */
final class ModuleBar implements BiConsumer<String, ModuleProgress>, AutoCloseable {

    private static final Duration BETWEEN_LINES = Duration.ofSeconds(30);

    private final PrintWriter err;
    private final Style style;
    private final StatusLine line;
    private final InstantSource clock;
    private Instant began;
    private @Nullable Instant shown;

    /**
     * Prints nothing before the first step.
     *
     * @param columns the terminal's width, which counts for a bar only
     */
    ModuleBar(PrintWriter err, Style style, int columns, InstantSource clock) {
        this.err = err;
        this.style = style;
        this.line = new StatusLine(err, columns);
        this.clock = clock;
        this.began = clock.instant();
    }

    /** Says that a search begins, whose time is told when it has ended. */
    void begins() {
        began = clock.instant();
        shown = null;
    }

    @Override
    public void accept(String of, ModuleProgress step) {
        if (style == Style.NONE) {
            return;
        }
        Instant now = clock.instant();
        double share = step.done() / (double) step.total();
        String text = String.format(
                Locale.ROOT,
                "%3d%%  modules of %s: %s, %d of %d",
                (int) (100 * share),
                of,
                step.part(),
                step.done(),
                step.total());
        if (step.done() == step.total()) {
            found(of, now);
        } else if (style == Style.BAR) {
            line.draw(share, text);
        } else if (Duration.between(shown == null ? began : shown, now).compareTo(BETWEEN_LINES) >= 0) {
            shown = now;
            err.println(text);
            err.flush();
        }
    }

    private void found(String of, Instant now) {
        String text = "looked for modules of " + of + " in " + ProgressBar.time(Duration.between(began, now));
        if (style == Style.BAR) {
            line.draw(text);
        } else {
            err.print(text);
        }
        line.end();
        begins();
    }

    /** Leaves the line of a search that was interrupted. */
    @Override
    public void close() {
        if (line.isDrawn()) {
            line.end();
        }
    }
}
