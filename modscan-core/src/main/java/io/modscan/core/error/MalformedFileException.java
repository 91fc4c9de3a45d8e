package io.modscan.core.error;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A file that is not what it ought to be: truncated, inconsistent, of another format, or hostile. */
public final class MalformedFileException extends ModscanException {

    private static final long serialVersionUID = 1L;

    private final transient @Nullable Path file;

    /**
     * Names the file and what is wrong with it.
     *
     * @param file    the file
     * @param problem where in the file (line, tensor, offset), what is wrong there, and what would be right
     */
    public MalformedFileException(Path file, String problem) {
        this(file, problem, null);
    }

    /**
     * Names the file, what is wrong with it and the parser's own exception.
     *
     * @param file    the file
     * @param problem where in the file (line, tensor, offset), what is wrong there, and what would be right
     * @param cause   the exception wrapped
     */
    public MalformedFileException(Path file, String problem, @Nullable Throwable cause) {
        super(file + ": " + problem, cause);
        this.file = file;
    }

    /**
     * The file at fault.
     *
     * @return its path, or null once the exception has been serialised
     */
    public @Nullable Path file() {
        return file;
    }
}
