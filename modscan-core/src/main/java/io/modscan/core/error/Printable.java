package io.modscan.core.error;

/** Makes messages of text that a file may have written: of one line, of bounded length, without what steers a terminal. */
final class Printable {

    /** Enough for a path, a list of names and what would be right. */
    private static final int LONGEST = 800;

    /** What is wrong stands at a message's beginning, what would be right at its end. */
    private static final int END = 250;

    private Printable() {}

    static String of(String text) {
        // Nothing gets shorter by being escaped.
        String all = text.length() <= LONGEST ? escaped(text) : "";
        if (text.length() <= LONGEST && all.length() <= LONGEST) {
            return all;
        }
        String middle = " … (" + text.length() + " characters) … ";
        int beginning = LONGEST - END - middle.length();
        return beginningOf(escaped(beginningOf(text, beginning)), beginning)
                + middle
                + endOf(escaped(endOf(text, END)), END);
    }

    private static String beginningOf(String text, int length) {
        if (text.length() <= length) {
            return text;
        }
        boolean halved = Character.isHighSurrogate(text.charAt(length - 1));
        return text.substring(0, halved ? length - 1 : length);
    }

    private static String endOf(String text, int length) {
        if (text.length() <= length) {
            return text;
        }
        int from = text.length() - length;
        return text.substring(Character.isLowSurrogate(text.charAt(from)) ? from + 1 : from);
    }

    private static String escaped(String text) {
        if (text.codePoints().noneMatch(Printable::steers)) {
            return text;
        }
        StringBuilder escaped = new StringBuilder();
        text.codePoints().forEach(character -> {
            if (!steers(character)) {
                escaped.appendCodePoint(character);
            } else if (character == '\n') {
                escaped.append("\\n");
            } else if (character == '\r') {
                escaped.append("\\r");
            } else if (character == '\t') {
                escaped.append("\\t");
            } else {
                escaped.append(String.format(character > Character.MAX_VALUE ? "\\u{%X}" : "\\u%04X", character));
            }
        });
        return escaped.toString();
    }

    /** Whether a character does something rather than show something: also what turns the direction of writing. */
    private static boolean steers(int character) {
        return switch (Character.getType(character)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED -> true;
            default -> false;
        };
    }
}
