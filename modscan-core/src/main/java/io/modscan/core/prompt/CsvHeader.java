package io.modscan.core.prompt;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How a CSV file is written, as its first line shows.
 *
 * @param separator what divides the columns
 * @param columns   their names, without surrounding blanks
 * @param spaced    whether blanks stand behind separators
 * @param declared  whether a line {@code sep=;} before it says what divides, as spreadsheets write it
 */
record CsvHeader(char separator, List<String> columns, boolean spaced, boolean declared) {

    static final String ID = "id";

    static final String TEXT = "text";

    /** How the columns of spans begin; the spans' label comes behind. */
    static final String SPAN = "span:";

    /** The comma first: it is what a CSV file has unless its header makes no sense with one. */
    private static final List<Character> SEPARATORS = List.of(',', ';', '\t', '|');

    private static final String DECLARATION = "sep=";

    /** Far more than a header takes. */
    private static final int LONGEST = 1 << 16;

    /** Looks ahead. A line that says what divides is taken off; the header is not. */
    static CsvHeader of(BufferedReader text) throws IOException {
        String first = firstRow(text);
        List<Character> candidates = SEPARATORS;
        boolean declared = first.length() == DECLARATION.length() + 1 && first.startsWith(DECLARATION);
        if (declared) {
            candidates = List.of(first.charAt(DECLARATION.length()));
            text.readLine();
            first = firstRow(text);
        }
        CsvHeader likeliest = of(first, candidates.get(0), declared);
        for (char separator : candidates) {
            CsvHeader header = of(first, separator, declared);
            if (!likeliest.columns().contains(TEXT) && header.columns().contains(TEXT)) {
                likeliest = header;
            }
        }
        return likeliest;
    }

    private static CsvHeader of(String row, char separator, boolean declared) {
        List<String> cells;
        try {
            cells = CsvReader.builder()
                    .fieldSeparator(separator)
                    .trimWhitespacesAroundQuotes(true)
                    .ofSingleCsvRecord(row)
                    .getFields();
        } catch (CsvParseException e) {
            // Whoever reads the rows will say what is wrong with it.
            cells = List.of(row);
        }
        // Of a cell in quotes the blank before them is not to be seen any more.
        boolean spaced = row.contains(separator + " \"")
                || (separator != '\t' && cells.stream().skip(1).anyMatch(CsvHeader::isSpaced));
        return new CsvHeader(
                separator, cells.stream().map(PromptParser::stripped).toList(), spaced, declared);
    }

    /** Whether a blank stands before something. */
    static boolean isSpaced(String cell) {
        int blanks = PromptParser.blanks(cell);
        return blanks > 0 && blanks < cell.length();
    }

    /** The first line that is not empty, or lines where a quote is open, without its end. */
    private static String firstRow(BufferedReader text) throws IOException {
        text.mark(LONGEST + 1);
        StringBuilder row = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < LONGEST; i++) {
            int character = text.read();
            if (character < 0) {
                break;
            }
            quoted ^= character == '"';
            boolean lineEnd = character == '\n' || character == '\r';
            if (lineEnd && !quoted && row.length() > 0) {
                break;
            }
            if (!lineEnd || row.length() > 0) {
                row.append((char) character);
            }
        }
        text.reset();
        return row.toString();
    }

    /** The column of ids, or -1: an unnamed first one is what pandas writes for its index. */
    int id() {
        int named = columns.indexOf(ID);
        return named < 0 && hasIndex() ? 0 : named;
    }

    boolean hasIndex() {
        return columns.size() > 1 && columns.get(0).isEmpty();
    }

    int text() {
        return columns.indexOf(TEXT);
    }

    /** Whether two columns have one name. Spreadsheets leave unnamed ones behind. */
    boolean isAmbiguous() {
        List<String> named = columns.stream().filter(name -> !name.isEmpty()).toList();
        return named.stream().distinct().count() < named.size();
    }

    /** The columns whose cells are labels or spans. */
    int[] labels() {
        return IntStream.range(0, columns.size())
                .filter(column -> column != id()
                        && column != text()
                        && !columns.get(column).isEmpty())
                .toArray();
    }

    /** The columns that the header does not name, so that there can be nothing in them. */
    int[] unnamed() {
        return IntStream.range(hasIndex() ? 1 : 0, columns.size())
                .filter(column -> columns.get(column).isEmpty())
                .toArray();
    }
}
