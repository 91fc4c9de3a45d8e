package io.modscan.core.prompt;

import java.io.Reader;
import java.nio.file.Path;

/** A text a line. */
final class TextParser extends LineParser {

    TextParser(Path file, Reader text) {
        super(file, text);
    }

    @Override
    Prompt prompt(String line) {
        return Prompt.of(id(null), line);
    }
}
