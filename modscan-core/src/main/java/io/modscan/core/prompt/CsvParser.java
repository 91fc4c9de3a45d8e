package io.modscan.core.prompt;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import io.modscan.core.error.MalformedFileException;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** CSV with a header; a prompt may span lines. */
final class CsvParser extends PromptParser {

    private final Path file;
    private final Iterator<CsvRecord> rows;
    private @Nullable List<String> header;

    /** Leaves the text for the caller to close. */
    CsvParser(Path file, Reader text) {
        super(file);
        this.file = file;
        this.rows = CsvReader.builder()
                .missingFieldStrategy(FieldMismatchStrategy.IGNORE)
                .extraFieldStrategy(FieldMismatchStrategy.IGNORE)
                .allowUnclosedQuote(false)
                .ofCsvRecord(text)
                .iterator();
    }

    @Override
    @Nullable
    Prompt parse() throws IOException {
        List<String> columns = header;
        if (columns == null) {
            CsvRecord first = nextRow();
            if (first == null) {
                return null;
            }
            columns = header(first);
            header = columns;
        }
        CsvRecord row = nextRow();
        return row == null ? null : prompt(columns, row);
    }

    private @Nullable CsvRecord nextRow() throws IOException {
        try {
            if (!rows.hasNext()) {
                return null;
            }
            CsvRecord row = rows.next();
            at(row.getStartingLineNumber());
            return row;
        } catch (CsvParseException e) {
            throw new MalformedFileException(file, "is not CSV: " + e.getMessage(), e);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private List<String> header(CsvRecord row) {
        List<String> columns = row.getFields().stream().map(String::strip).toList();
        if (!columns.contains("text")) {
            throw malformed("the header " + columns + " has no column 'text'; it should be like id,topic,text");
        }
        if (new HashSet<>(columns).size() < columns.size()) {
            throw malformed("the header " + columns + " names a column twice");
        }
        return columns;
    }

    private Prompt prompt(List<String> columns, CsvRecord row) {
        if (row.getFieldCount() != columns.size()) {
            throw malformed("has " + row.getFieldCount() + " fields; the header has " + columns.size() + " " + columns);
        }
        int idColumn = columns.indexOf("id");
        Prompt prompt =
                Prompt.of(id(idColumn < 0 ? null : row.getField(idColumn)), row.getField(columns.indexOf("text")));
        for (int column = 0; column < columns.size(); column++) {
            String name = columns.get(column);
            if (!name.equals("id")
                    && !name.equals("text")
                    && !row.getField(column).isEmpty()) {
                prompt = prompt.withLabel(name, row.getField(column));
            }
        }
        return prompt;
    }
}
