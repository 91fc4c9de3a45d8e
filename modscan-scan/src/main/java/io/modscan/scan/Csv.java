package io.modscan.scan;

import de.siegmar.fastcsv.writer.CsvWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.Supplier;
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

    /** Numbers below are less exact in single precision than others. */
    private static final double LEAST_SINGLE = 1e-37;

    private Csv() {}

    static void write(Path file, Consumer<CsvWriter> rows) {
        try (CsvWriter csv = CsvWriter.builder().build(file, StandardCharsets.UTF_8)) {
            rows.accept(csv);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e, e);
        }
    }

    /** A large table whose parts are made into text at the same time, a few in advance of what is written. */
    static void writeParts(Path file, List<String> header, List<Consumer<CsvWriter>> parts) {
        int most = Runtime.getRuntime().availableProcessors();
        try (Writer out = Files.newBufferedWriter(file)) {
            out.write(text(csv -> csv.writeRecord(header)));
            for (int from = 0; from < parts.size(); from += most) {
                List<Supplier<String>> some = parts.subList(from, Math.min(parts.size(), from + most)).stream()
                        .<Supplier<String>>map(part -> () -> text(part))
                        .toList();
                for (String text : Together.<String>of(some)) {
                    out.write(text);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e, e);
        }
    }

    private static String text(Consumer<CsvWriter> rows) {
        StringWriter text = new StringWriter();
        try (CsvWriter csv = CsvWriter.builder().build(text)) {
            rows.accept(csv);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    /** In single precision, in which values are captured; smaller numbers, which it does not have, as they are. */
    static String rounded(double number) {
        return Math.abs(number) < LEAST_SINGLE && number != 0 ? Double.toString(number) : text((float) number);
    }

    private static String text(float number) {
        return Float.isNaN(number) ? "" : Float.toString(number);
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
