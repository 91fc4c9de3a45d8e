package io.modscan.core.prompt;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A prompt a line; blank lines are skipped. */
abstract class LineParser extends PromptParser {

    private final BufferedReader text;

    /** Leaves the text for the caller to close. */
    LineParser(Path file, Reader text) {
        super(file);
        this.text = new BufferedReader(text);
    }

    @Override
    final @Nullable Prompt parse() throws IOException {
        for (String line = text.readLine(); line != null; line = text.readLine()) {
            at(line() + 1);
            if (!line.isBlank()) {
                return prompt(line);
            }
        }
        return null;
    }

    abstract Prompt prompt(String line) throws IOException;
}
