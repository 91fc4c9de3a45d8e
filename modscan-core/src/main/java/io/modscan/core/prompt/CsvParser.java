package io.modscan.core.prompt;

import de.siegmar.fastcsv.reader.AbstractBaseCsvCallbackHandler;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** CSV with a header; a prompt may span lines. */
final class CsvParser extends PromptParser {

    private static final Pattern LINE = Pattern.compile("line (\\d{1,18})");

    private final Path file;
    private final BufferedReader text;
    private @Nullable CsvHeader header;
    private @Nullable Iterator<Row> rows;
    private long skipped;
    private long firstSkipped;

    /** Leaves the text for the caller to close. */
    CsvParser(Path file, Reader text) {
        super(file);
        this.file = file;
        this.text = new BufferedReader(text);
    }

    /** A row's cells, and which of them were in quotes. */
    private record Row(long line, List<String> cells, List<Boolean> quoted) {

        boolean isEmpty() {
            return cells.stream().map(PromptParser::stripped).allMatch(String::isEmpty);
        }

        /** Whether blanks stand behind separators here: a label or an id does not begin with one. */
        boolean isSpaced(int text) {
            for (int column = 1; column < cells.size(); column++) {
                if (column != text && !quoted.get(column) && CsvHeader.isSpaced(cells.get(column))) {
                    return true;
                }
            }
            return false;
        }
    }

    /** FastCSV's own records don't tell what was in quotes. */
    private static final class Rows extends AbstractBaseCsvCallbackHandler<Row> {
        private List<String> cells = new ArrayList<>();
        private List<Boolean> quoted = new ArrayList<>();

        @Override
        protected void handleBegin(long line) {
            cells = new ArrayList<>();
            quoted = new ArrayList<>();
        }

        @Override
        protected void handleField(int index, char[] buffer, int offset, int length, boolean isQuoted) {
            cells.add(new String(buffer, offset, length));
            quoted.add(isQuoted);
        }

        @Override
        protected Row buildRecord() {
            return new Row(getStartingLineNumber(), cells, quoted);
        }
    }

    @Override
    @Nullable
    Prompt parse() throws IOException {
        CsvHeader columns = header;
        if (columns == null) {
            columns = CsvHeader.of(text);
            header = columns;
            rows = rows(columns.separator());
            if (nextRow() == null) {
                return null;
            }
            check(columns);
        }
        for (Row row = nextRow(); row != null; row = nextRow()) {
            if (!row.isEmpty()) {
                return prompt(columns, row);
            }
            if (skipped++ == 0) {
                firstSkipped = line();
            }
        }
        return null;
    }

    private Iterator<Row> rows(char separator) {
        return CsvReader.builder()
                .fieldSeparator(separator)
                .trimWhitespacesAroundQuotes(true)
                .missingFieldStrategy(FieldMismatchStrategy.IGNORE)
                .extraFieldStrategy(FieldMismatchStrategy.IGNORE)
                .allowUnclosedQuote(false)
                .build(new Rows(), text)
                .iterator();
    }

    private @Nullable Row nextRow() throws IOException {
        Iterator<Row> from = rows;
        CsvHeader columns = header;
        if (from == null || columns == null) {
            throw new IllegalStateException("the header comes first");
        }
        try {
            if (!from.hasNext()) {
                return null;
            }
            Row row = from.next();
            at(row.line() + (columns.declared() ? 1 : 0));
            return row;
        } catch (CsvParseException e) {
            throw notCsv(e, columns.declared() ? 1 : 0);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** In words of our own: FastCSV's speak of its buffers. */
    private MalformedFileException notCsv(CsvParseException e, int before) {
        String theirs = String.valueOf(e.getMessage());
        Matcher line = LINE.matcher(theirs);
        String where = line.find() ? "line " + (Long.parseLong(line.group(1)) + before) + ": " : "";
        String problem = theirs.contains("nclosed quote")
                ? "unclosed quote: a cell that begins with a quote ends with one"
                : theirs.contains("closing quote")
                        ? "has text after closing quote; a cell with quotes in it is put into quotes, and each of them doubled"
                        : "has a cell of more than 16 million characters, or a quote that is never closed";
        return new MalformedFileException(file, "is not CSV: " + where + problem, e);
    }

    private void check(CsvHeader columns) {
        if (columns.text() < 0) {
            throw malformed(
                    "the header " + columns.columns() + " has no column 'text'; it should be like id,topic,text");
        }
        if (columns.isAmbiguous()) {
            throw malformed("the header " + columns.columns() + " names a column twice");
        }
        if (columns.separator() != ',') {
            remark("columns are divided by "
                    + (columns.separator() == '\t' ? "tabs" : "'" + columns.separator() + "'"));
        }
        if (columns.hasIndex()) {
            remark(
                    columns.id() == 0
                            ? "the first column has no name, as an index has none; it is taken for the id"
                            : "the first column has no name, as an index has none; it is left out, since there is an 'id'");
        }
    }

    private Prompt prompt(CsvHeader columns, Row row) {
        List<String> cells = row.cells();
        if (cells.size() != columns.columns().size()) {
            throw malformed("has " + cells.size() + " fields; the header has "
                    + columns.columns().size() + " " + columns.columns());
        }
        for (int column : columns.unnamed()) {
            if (!stripped(cells.get(column)).isEmpty()) {
                throw malformed("has a value in column " + (column + 1) + ", to which the header " + columns.columns()
                        + " gives no name");
            }
        }
        Prompt prompt = Prompt.of(id(columns, cells), text(columns, row));
        for (int column : columns.labels()) {
            String label = stripped(cells.get(column));
            String name = columns.columns().get(column);
            if (!label.isEmpty()) {
                prompt = name.startsWith(CsvHeader.SPAN)
                        ? withSpans(prompt, name.substring(CsvHeader.SPAN.length()), label)
                        : prompt.withLabel(name, label);
            }
        }
        return prompt;
    }

    private Prompt withSpans(Prompt prompt, String label, String cell) {
        try {
            return Spans.onto(prompt, Spans.of(label, cell));
        } catch (ModscanException | IllegalArgumentException e) {
            throw malformed(String.valueOf(e.getMessage()), e);
        }
    }

    private String id(CsvHeader columns, List<String> cells) {
        if (columns.id() < 0) {
            return id(null);
        }
        String id = stripped(cells.get(columns.id()));
        if (id.isEmpty()) {
            throw malformed("has no id; give each row one, or leave the column away and they are numbered");
        }
        return id;
    }

    /** A blank at its beginning belongs to the text, unless it only divides it from the separator. */
    private static String text(CsvHeader columns, Row row) {
        int column = columns.text();
        String text = row.cells().get(column);
        boolean divides = column > 0 && !row.quoted().get(column) && (columns.spaced() || row.isSpaced(column));
        return divides ? text.substring(blanks(text)) : text;
    }

    @Override
    List<String> remarks() {
        List<String> all = new ArrayList<>(super.remarks());
        if (skipped > 0) {
            all.add((skipped == 1 ? "one row" : skipped + " rows") + " without any value, in line " + firstSkipped
                    + (skipped == 1 ? "" : " first") + ", left out");
        }
        return all;
    }
}
