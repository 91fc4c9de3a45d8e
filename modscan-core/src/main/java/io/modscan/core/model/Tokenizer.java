package io.modscan.core.model;

import io.modscan.core.error.ModscanException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Turns texts into a model's token ids and back. Implementations are safe for use by many threads. */
public interface Tokenizer {

    /**
     * The ids of a text, with whatever the model expects in front, neither cut nor padded. For OPT that is one BOS token,
     * put there here and nowhere else; a BOS that is spelled out in the text is the text's own and stays.
     *
     * @param text any text
     * @return the ids
     */
    int[] encode(String text);

    /**
     * The ids of a text, with where in the text each token is; what spans of characters need. By default there is no telling.
     *
     * <p>Ranges are of the text as it was given, also where the tokenizer lowercases or composes characters before it cuts.
     * Whether the space in front of a word is among its token's characters is for the tokenizer to say: one that a hub keeps
     * leaves it out where the {@code trim_offsets} of its post-processor says so, and has it where nothing does, as for OPT.
     *
     * @param text any text
     * @return the ids that {@link #encode} gives, and their ranges; an empty range for what is put around the text
     * @throws ModscanException if this tokenizer doesn't know where its tokens are
     */
    default TokenizedText tokenize(String text) {
        throw new ModscanException("the tokenizer " + getClass().getName()
                + " doesn't tell where in a text its tokens are; give spans in tokens rather than in characters");
    }

    /**
     * The text of ids.
     *
     * @param ids token ids
     * @return the text, special tokens included
     */
    String decode(int... ids);

    /**
     * The texts of tokens one by one, as they are in company: put behind one another they are the text of all. A character that several tokens
     * make up stands at the last of them, and those before are empty.
     *
     * @param ids token ids
     * @return a text for each; U+FFFD where a character's other tokens are not among them. Cost: each token is decoded some ten times
     */
    default List<String> pieces(int... ids) {
        List<String> pieces = new ArrayList<>();
        String before = "";
        int from = 0;
        int next = 0;
        for (int i = 0; i < ids.length; i++) {
            // What lies further back than six tokens has no say in how one reads; but a character is not cut in two.
            if (i - from >= 6 && next == from && withoutParts(before).equals(before)) {
                next = i;
            }
            if (i - next >= 6 && next > from) {
                from = next;
                before = decode(Arrays.copyOfRange(ids, from, i));
            }
            String text = decode(Arrays.copyOfRange(ids, from, i + 1));
            String known = withoutParts(before);
            String now = i == ids.length - 1 ? text : withoutParts(text);
            pieces.add(now.substring(common(known, now)));
            before = text;
        }
        return pieces;
    }

    private static int common(String one, String other) {
        int length = Math.min(one.length(), other.length());
        int at = 0;
        while (at < length && one.charAt(at) == other.charAt(at)) {
            at++;
        }
        return at;
    }

    private static String withoutParts(String text) {
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == '\uFFFD') {
            end--;
        }
        return text.substring(0, end);
    }
}
