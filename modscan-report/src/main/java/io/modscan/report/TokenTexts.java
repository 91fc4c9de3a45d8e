package io.modscan.report;

import io.modscan.core.error.ModscanException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The texts of a page's tokens, each once: a token is told by its text's place in the list. */
final class TokenTexts {

    /** Characters of a token; what is longer is cut. */
    private static final int LONGEST = 200;

    private final Map<String, Integer> places = new LinkedHashMap<>();

    /** The places of the texts of tokens in company. */
    int[] of(Function<int[], List<String>> pieces, int... ids) {
        return part(pieces, 0, ids.length, ids);
    }

    /** The same of the tokens from one on until before another. */
    int[] part(Function<int[], List<String>> pieces, int from, int to, int... ids) {
        List<String> texts = pieces.apply(ids.clone());
        if (texts.size() != ids.length) {
            throw new ModscanException("of " + ids.length + " tokens " + texts.size()
                    + " texts were given; there is one for each, be it empty");
        }
        return texts.subList(from, to).stream().mapToInt(this::place).toArray();
    }

    private int place(String text) {
        return places.computeIfAbsent(cut(text), any -> places.size());
    }

    private static String cut(String text) {
        if (text.length() <= LONGEST) {
            return text;
        }
        boolean halves = Character.isHighSurrogate(text.charAt(LONGEST - 1));
        return text.substring(0, halves ? LONGEST - 1 : LONGEST) + "…";
    }

    List<String> all() {
        return List.copyOf(places.keySet());
    }
}
