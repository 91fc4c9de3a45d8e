package io.modscan.scan;

import de.siegmar.fastcsv.writer.CsvWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * Tables as CSV files. A cell without a number is empty. Text that a spreadsheet would take for a formula has an apostrophe
 * before it.
 */
final class Csv {

    /** With what a spreadsheet's formula begins, also in full width. */
    private static final String FORMULA = "=+-@\uFF1D\uFF0B\uFF0D\uFF20";

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
        int first = 0;
        // Spreadsheets look behind blanks, and take some wide characters for these.
        while (first < cell.length() && (Character.isWhitespace(cell.charAt(first)) || cell.charAt(first) == 0xA0)) {
            if ("\t\r\n".indexOf(cell.charAt(first)) >= 0) {
                return "'" + cell;
            }
            first++;
        }
        return first < cell.length() && FORMULA.indexOf(cell.charAt(first)) >= 0 ? "'" + cell : cell;
    }

    static String text(OptionalInt number) {
        return number.isPresent() ? Integer.toString(number.getAsInt()) : "";
    }
}
