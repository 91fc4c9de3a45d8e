package io.modscan.core.error;

import org.jspecify.annotations.Nullable;

/** The parent of the exceptions that modscan throws for bad input and for failures of what it runs on. */
public class ModscanException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * With a message only.
     *
     * @param message what was wrong, where, and what would be right
     */
    public ModscanException(String message) {
        super(message);
    }

    /**
     * With the exception that brought it about.
     *
     * @param message what was wrong, where, and what would be right
     * @param cause   the exception wrapped
     */
    public ModscanException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
