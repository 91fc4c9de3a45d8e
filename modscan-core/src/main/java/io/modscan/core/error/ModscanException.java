package io.modscan.core.error;

import org.jspecify.annotations.Nullable;

/**
 * The parent of the exceptions that modscan throws for bad input and for failures of what it runs on. Their messages are
 * {@linkplain #printable printable}, whatever a file had in it.
 */
public class ModscanException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * With a message only.
     *
     * @param message what was wrong, where, and what would be right
     */
    public ModscanException(String message) {
        super(printable(message));
    }

    /**
     * With the exception that brought it about.
     *
     * @param message what was wrong, where, and what would be right
     * @param cause   the exception wrapped
     */
    public ModscanException(String message, @Nullable Throwable cause) {
        super(printable(message), cause);
    }

    /**
     * Text made fit for a message, a line of a log or a terminal: what steers rather than shows (line breaks, escape
     * sequences, changes of the direction of writing) is written as its number, and of more than 800 characters the middle is
     * left out.
     *
     * @param text any text, such as what a file has in place of a number
     * @return one line of at most 800 characters; made printable a second time, it stays as it is
     */
    public static String printable(String text) {
        return Printable.of(String.valueOf(text));
    }
}
