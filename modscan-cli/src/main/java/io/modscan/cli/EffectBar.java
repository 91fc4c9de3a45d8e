package io.modscan.cli;

import io.modscan.cli.ProgressBar.Style;
import io.modscan.scan.AblationScan.Step;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Shows how far units have been switched off, or attributions taken, as {@link ModuleBar} shows the search for modules. */
final class EffectBar implements Consumer<Step>, AutoCloseable {

    private static final Duration BETWEEN_DRAWINGS = Duration.ofMillis(100);
    private static final Duration BETWEEN_LINES = Duration.ofSeconds(30);

    private final PrintWriter err;
    private final Style style;
    private final StatusLine line;
    private final InstantSource clock;
    private @Nullable String part;
    private Instant began;
    private @Nullable Instant shown;

    /**
     * Prints nothing before the first step.
     *
     * @param columns the terminal's width, which counts for a bar only
     */
    EffectBar(PrintWriter err, Style style, int columns, InstantSource clock) {
        this.err = err;
        this.style = style;
        this.line = new StatusLine(err, columns);
        this.clock = clock;
        this.began = clock.instant();
    }

    /** Shows the step if it is time to. The threads of a run may call this. */
    @Override
    public synchronized void accept(Step step) {
        if (style == Style.NONE) {
            return;
        }
        Instant now = clock.instant();
        if (!step.part().equals(part)) {
            part = step.part();
            began = now;
            shown = null;
        }
        if (step.done() == step.total()) {
            ended(step, now);
        } else if (step.done() == 0) {
            return;
        } else if (style == Style.BAR && isDue(BETWEEN_DRAWINGS, now)) {
            shown = now;
            line.draw(step.done() / (double) step.total(), text(step, now));
        } else if (style == Style.LINES
                && Duration.between(shown == null ? began : shown, now).compareTo(BETWEEN_LINES) >= 0) {
            shown = now;
            err.println(text(step, now));
            err.flush();
        }
    }

    /** Gradients switch nothing off. */
    private static boolean isBackward(Step step) {
        return step.part().equals("attributions");
    }

    private boolean isDue(Duration pause, Instant now) {
        return shown == null || Duration.between(shown, now).compareTo(pause) >= 0;
    }

    private String text(Step step, Instant now) {
        double left = Duration.between(began, now).toMillis() * (step.total() - step.done()) / (double) step.done();
        return String.format(
                Locale.ROOT,
                "%3d%%  %s: %s of %s %s  %s left",
                (int) (100.0 * step.done() / step.total()),
                isBackward(step) ? step.part() : step.part() + " off",
                ProgressBar.number(step.done()),
                ProgressBar.number(step.total()),
                isBackward(step) ? "passes" : "runs",
                ProgressBar.time(Duration.ofMillis((long) left)));
    }

    private void ended(Step step, Instant now) {
        String total = ProgressBar.number(step.total());
        String text = (isBackward(step)
                        ? "took " + step.part() + ", passes forward and backward: " + total
                        : "switched " + step.part() + " off, " + total + " runs of a prompt")
                + " in " + ProgressBar.time(Duration.between(began, now));
        if (style == Style.BAR) {
            line.draw(text);
        } else {
            err.print(text);
        }
        line.end();
    }

    /** Leaves the line of a run that was interrupted. */
    @Override
    public synchronized void close() {
        if (line.isDrawn()) {
            line.end();
        }
    }
}
