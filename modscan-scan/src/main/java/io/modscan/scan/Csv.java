package io.modscan.scan;

import de.siegmar.fastcsv.writer.CsvWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Tables as CSV files. A cell without a number is empty. Text that a spreadsheet would take for a formula has an apostrophe
 * before it.
 */
final class Csv {

    /** How a spreadsheet's formula begins, also in full width, and also behind blanks and the apostrophes of this guard. */
    private static final Pattern FORMULA =
            Pattern.compile("[\\s\\h\\v']*[=+\\-@\uFF1D\uFF0B\uFF0D\uFF20]|\\h*[\\t\\v\\x00]");

    /** Labels may be numbers, which are harmless. */
    private static final Pattern NUMBER = Pattern.compile("[+-]?\\d+(\\.\\d+)?([eE][+-]?\\d+)?");

    private Csv() {}

    static void write(Path file, Consumer<CsvWriter> rows) {
        try (CsvWriter csv = CsvWriter.builder().build(file, StandardCharsets.UTF_8)) {
            rows.accept(csv);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e, e);
        }
    }

    static String text(double number) {
        return Double.isNaN(number) ? "" : Double.toString(number);
    }

    /** A name or label: {@code =1+1} as {@code '=1+1}, so that opening the file computes and calls nothing. */
    static String text(String cell) {
        return FORMULA.matcher(cell).lookingAt() && !NUMBER.matcher(cell).matches() ? "'" + cell : cell;
    }

    static String text(OptionalInt number) {
        return number.isPresent() ? Integer.toString(number.getAsInt()) : "";
    }
}
