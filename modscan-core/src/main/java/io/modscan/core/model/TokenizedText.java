package io.modscan.core.model;

import java.util.stream.IntStream;

/**
 * A text's token ids, and where in the text each token is: the characters {@code [start, end)} that it was made of, counted
 * as {@link String#substring(int, int)} counts. A token that stands for no character of the text, such as a BOS put in front,
 * has {@code start == end}.
 *
 * <p>Ranges may overlap: where several tokens are made of one character, as the bytes of an emoji, each has the range of all
 * of it. They need not touch: a tokenizer may drop spaces, and not every one counts the space in front of a word among the
 * word's characters. Immutable.
 */
public final class TokenizedText {

    private final String text;
    private final int[] ids;
    private final int[] starts;
    private final int[] ends;

    /**
     * Takes copies of the arrays, which are of one length.
     *
     * @param text   the text
     * @param ids    the token ids, in order, with whatever the tokenizer put around the text
     * @param starts of each token the index of its first character
     * @param ends   of each token the index behind its last character
     * @throws IllegalArgumentException if the arrays differ in length, or a token's range ends before it starts or isn't
     *                                  within the text
     */
    public TokenizedText(String text, int[] ids, int[] starts, int[] ends) {
        if (starts.length != ids.length || ends.length != ids.length) {
            throw new IllegalArgumentException("a text of " + ids.length + " tokens has " + starts.length
                    + " starts and " + ends.length + " ends; give one of each for every token");
        }
        for (int position = 0; position < ids.length; position++) {
            if (!isRange(starts[position], ends[position], text)) {
                throw new IllegalArgumentException("the token at position " + position + " is said to be characters "
                        + starts[position] + " to " + ends[position] + ranges(text));
            }
        }
        this.text = text;
        this.ids = ids.clone();
        this.starts = starts.clone();
        this.ends = ends.clone();
    }

    private static boolean isRange(int start, int end, String text) {
        return 0 <= start && start <= end && end <= text.length();
    }

    private static String ranges(String text) {
        return "; a range starts at 0 or later, doesn't end before it starts, and ends at " + text.length()
                + ", the text's length, at the latest";
    }

    /**
     * The text that was cut.
     *
     * @return all of it
     */
    public String text() {
        return text;
    }

    /**
     * The token ids.
     *
     * @return a copy, one a token
     */
    public int[] ids() {
        return ids.clone();
    }

    /**
     * Where the tokens start.
     *
     * @return a copy, of each token the index of its first character in the text
     */
    public int[] starts() {
        return starts.clone();
    }

    /**
     * Where the tokens end.
     *
     * @return a copy, of each token the index behind its last character in the text; its start if it stands for none
     */
    public int[] ends() {
        return ends.clone();
    }

    /**
     * The tokens of a span: those that share at least one character with it. So a token that is partly inside counts as
     * inside; tokens that are made of one character of which the span has any part all count; and a token that stands for no
     * character is in no span. Cost: one look at each token.
     *
     * @param start the index of the span's first character
     * @param end   the index behind its last character
     * @return the tokens' positions, ascending; none if the span is empty or no token is made of its characters
     * @throws IllegalArgumentException if the span ends before it starts or isn't within the text
     */
    public int[] positions(int start, int end) {
        if (!isRange(start, end, text)) {
            throw new IllegalArgumentException(
                    "a span of characters " + start + " to " + end + " is not of this text" + ranges(text));
        }
        return IntStream.range(0, ids.length)
                .filter(token -> Math.max(start, starts[token]) < Math.min(end, ends[token]))
                .toArray();
    }
}
