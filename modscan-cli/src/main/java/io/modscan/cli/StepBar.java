package io.modscan.cli;

import io.modscan.cli.ProgressBar.Style;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Shows what is being done where nothing tells how far it is: on a terminal at once, elsewhere in a line when it takes longer than two seconds. */
final class StepBar implements Consumer<String>, AutoCloseable {

    private static final Duration LONG = Duration.ofSeconds(2);
    private static final int MILLIS_BETWEEN_LOOKS = 250;

    private final PrintWriter err;
    private final Style style;
    private final StatusLine line;
    private final InstantSource clock;
    private final ScheduledExecutorService looks;
    private String step = "";
    private Instant began;
    private boolean told;

    /**
     * Prints nothing before the first step.
     *
     * @param columns the terminal's width, which counts for a bar only
     */
    StepBar(PrintWriter err, Style style, int columns, InstantSource clock) {
        this.err = err;
        this.style = style;
        this.line = new StatusLine(err, columns);
        this.clock = clock;
        this.began = clock.instant();
        this.looks = Executors.newSingleThreadScheduledExecutor(work -> {
            Thread thread = new Thread(work, "modscan-progress");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** Looks now and then whether there is something to be told, until this is closed. */
    StepBar looking() {
        if (style == Style.LINES) {
            ScheduledFuture<?> unused = looks.scheduleWithFixedDelay(
                    this::look, MILLIS_BETWEEN_LOOKS, MILLIS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS);
        }
        return this;
    }

    /** Takes what begins, or an empty text when nothing does. */
    @Override
    public synchronized void accept(String begins) {
        step = begins;
        began = clock.instant();
        told = false;
        if (style == Style.BAR) {
            if (begins.isEmpty()) {
                line.erase();
            } else {
                line.draw(begins + " …");
            }
        }
    }

    /** Tells once of a step that takes long. */
    synchronized void look() {
        if (style == Style.LINES
                && !step.isEmpty()
                && !told
                && Duration.between(began, clock.instant()).compareTo(LONG) >= 0) {
            told = true;
            err.println(step + " …");
            err.flush();
        }
    }

    /** Takes the line away. */
    @Override
    public synchronized void close() {
        looks.shutdownNow();
        accept("");
    }
}
