package io.modscan.core.prompt;

import io.modscan.core.error.MalformedFileException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Takes prompts from a file's text, one at a time, and says the line of what is wrong with one. */
abstract class PromptParser {

    private final Path file;
    private final List<String> remarks = new ArrayList<>();
    private long line;
    private long prompts;

    PromptParser(Path file) {
        this.file = file;
    }

    /** The next prompt, or null at the end. */
    final @Nullable Prompt next() throws IOException {
        Prompt prompt = parse();
        if (prompt != null) {
            prompts++;
        }
        return prompt;
    }

    abstract @Nullable Prompt parse() throws IOException;

    /** How many prompts there were so far. */
    final long count() {
        return prompts;
    }

    /** Tells where the parser is. */
    final void at(long newLine) {
        line = newLine;
    }

    final long line() {
        return line;
    }

    /** Notes what was taken for granted of the file. */
    final void remark(String remark) {
        remarks.add(remark);
    }

    /** What was taken for granted of the file, and should be said. */
    List<String> remarks() {
        return List.copyOf(remarks);
    }

    /** Without blanks around it, those of fixed width and of other scripts included. */
    static String stripped(String text) {
        int from = blanks(text);
        int to = text.length();
        while (from < to && isBlank(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    /** How many stand at the beginning. */
    static int blanks(String text) {
        int blanks = 0;
        while (blanks < text.length() && isBlank(text.charAt(blanks))) {
            blanks++;
        }
        return blanks;
    }

    private static boolean isBlank(char character) {
        return Character.isWhitespace(character) || Character.isSpaceChar(character);
    }

    /** The given id, or the running number where there is none. */
    final String id(@Nullable Object given) {
        return given == null ? Long.toString(prompts) : given.toString();
    }

    final MalformedFileException malformed(String problem) {
        return malformed(problem, null);
    }

    final MalformedFileException malformed(String problem, @Nullable Throwable cause) {
        return new MalformedFileException(file, "line " + line + ": " + problem, cause);
    }
}
