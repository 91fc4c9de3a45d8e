package io.modscan.core.prompt;

import io.modscan.core.error.ModscanException;
import io.modscan.core.token.Span;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Spans as files tell them. Of a text, files count characters as Unicode does, and Python: in code points, of which an emoji is one;
 * strings of Java have two chars for it.
 */
final class Spans {

    /** The key of a line's spans. */
    static final String KEY = "spans";

    private Spans() {}

    /**
     * Reads a list of objects.
     *
     * @throws ModscanException         if one has other fields than a label, a start and an end
     * @throws IllegalArgumentException if one ends before it begins
     */
    static List<Span> of(List<?> list) {
        List<Span> spans = new ArrayList<>();
        for (Object item : list) {
            if (item instanceof Map<?, ?> object
                    && object.size() == 3
                    && object.get("label") instanceof String label
                    && object.get("start") instanceof Integer start
                    && object.get("end") instanceof Integer end) {
                spans.add(new Span(label, start, end));
            } else {
                throw new ModscanException("'" + KEY + "' holds " + item
                        + "; a span is like {\"label\": \"subject\", \"start\": 4, \"end\": 11}");
            }
        }
        return spans;
    }

    /**
     * Reads the cell of a column {@code span:LABEL}, such as {@code 4:11} or {@code 4:11 20:25}.
     *
     * @throws ModscanException         if it is something else
     * @throws IllegalArgumentException if one ends before it begins
     */
    static List<Span> of(String label, String cell) {
        List<Span> spans = new ArrayList<>();
        for (String span : cell.split("[\\s;]+", -1)) {
            if (!span.matches("\\d{1,9}:\\d{1,9}")) {
                throw new ModscanException("has the span '" + cell + "' of '" + label
                        + "'; it is like 4:11, the first character and the one behind the last, or several of these with"
                        + " blanks between");
            }
            int colon = span.indexOf(':');
            spans.add(new Span(
                    label, Integer.parseInt(span.substring(0, colon)), Integer.parseInt(span.substring(colon + 1))));
        }
        return spans;
    }

    /**
     * Adds spans to a prompt: of a text they are counted in code points, else in tokens.
     *
     * @throws ModscanException         if one ends behind the text
     * @throws IllegalArgumentException if one ends behind the ids
     */
    static Prompt onto(Prompt prompt, List<Span> spans) {
        List<Span> own = prompt.text().isEmpty()
                ? spans
                : spans.stream().map(span -> inChars(prompt.text().get(), span)).toList();
        return prompt.withSpans(
                Stream.concat(prompt.spans().stream(), own.stream()).toList());
    }

    private static Span inChars(String text, Span span) {
        int characters = text.codePointCount(0, text.length());
        if (span.end() > characters) {
            throw new ModscanException("the span '" + span.label() + "' goes from character " + span.start() + " to "
                    + span.end() + ", and the text has " + characters);
        }
        int start = text.offsetByCodePoints(0, span.start());
        return new Span(span.label(), start, text.offsetByCodePoints(start, span.end() - span.start()));
    }
}
