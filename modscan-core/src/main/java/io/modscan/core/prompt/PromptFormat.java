package io.modscan.core.prompt;

import io.modscan.core.error.ModscanException;
import java.io.Reader;
import java.nio.file.Path;
import java.util.Locale;

/** The formats of prompt files. */
enum PromptFormat {
    CSV {
        @Override
        PromptParser parser(Path file, Reader text) {
            return new CsvParser(file, text);
        }
    },
    JSON_LINES {
        @Override
        PromptParser parser(Path file, Reader text) {
            return new JsonLinesParser(file, text);
        }
    },
    TEXT {
        @Override
        PromptParser parser(Path file, Reader text) {
            return new TextParser(file, text);
        }
    };

    /** A parser of the text; the file is for its messages. */
    abstract PromptParser parser(Path file, Reader text);

    static PromptFormat of(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        if (name.endsWith(".csv")) {
            return CSV;
        }
        if (name.endsWith(".jsonl")) {
            return JSON_LINES;
        }
        if (name.endsWith(".txt")) {
            return TEXT;
        }
        throw new ModscanException(file + ": a prompt file ends in .csv, .jsonl or .txt");
    }
}
