package io.modscan.scan;

import de.siegmar.fastcsv.writer.CsvWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** Numbers as a CSV file. A cell without a number is empty. */
final class Csv {

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

    static String text(OptionalInt number) {
        return number.isPresent() ? Integer.toString(number.getAsInt()) : "";
    }
}
