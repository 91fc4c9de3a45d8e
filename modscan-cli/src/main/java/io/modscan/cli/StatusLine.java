package io.modscan.cli;

import java.io.PrintWriter;

/** A line on a terminal that is drawn again and again. Not for use by several threads at once. */
final class StatusLine {

    private static final int SHORTEST_BAR = 5;
    private static final int LONGEST_BAR = 40;

    private final PrintWriter err;
    private final int columns;
    private int drawn;

    /**
     * Draws nothing yet.
     *
     * @param columns the terminal's width
     */
    StatusLine(PrintWriter err, int columns) {
        this.err = err;
        // In the last column some terminals break the line.
        this.columns = columns - 1;
    }

    void draw(String text) {
        String fitting = text.length() > columns ? text.substring(0, columns) : text;
        err.print("\r" + fitting + " ".repeat(Math.max(0, drawn - fitting.length())));
        err.flush();
        drawn = fitting.length();
    }

    /**
     * Draws the text behind a bar, or the text alone where there is no room for a bar.
     *
     * @param share the part of the work that is done, from 0 to 1, or less than 0 where that is not known
     */
    void draw(double share, String text) {
        int length = Math.min(LONGEST_BAR, columns - text.length() - "[] ".length());
        if (length < SHORTEST_BAR || share < 0) {
            draw(text);
        } else {
            int done = (int) (length * share);
            draw("[" + "=".repeat(done) + " ".repeat(length - done) + "] " + text);
        }
    }

    /** Takes away what is drawn. */
    void erase() {
        if (drawn > 0) {
            err.print("\r" + " ".repeat(drawn) + "\r");
            err.flush();
            drawn = 0;
        }
    }

    /** Goes to the next line. */
    void end() {
        err.println();
        err.flush();
        drawn = 0;
    }

    boolean isDrawn() {
        return drawn > 0;
    }
}
