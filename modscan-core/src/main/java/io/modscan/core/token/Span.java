package io.modscan.core.token;

import java.util.Objects;

/**
 * A stretch of a prompt with a label, such as the subject of a sentence. Of a text it is counted in characters, as {@link
 * String#substring(int, int)} counts them; of ready token ids, and of the {@linkplain PromptTokens tokens that were run}, in tokens.
 *
 * @param label what the stretch is; one prompt may have several of a label, and they may overlap
 * @param start the first character's or token's index
 * @param end   the index behind the last
 */
public record Span(String label, int start, int end) {

    /**
     * Checks the ends.
     *
     * @param label see above
     * @param start see above
     * @param end   see above
     * @throws IllegalArgumentException if the label is empty, or the end is not behind the start
     */
    public Span {
        Objects.requireNonNull(label, "label");
        if (label.isBlank()) {
            throw new IllegalArgumentException("a span from " + start + " to " + end + " has no label; give it one");
        }
        if (start < 0 || end <= start) {
            throw new IllegalArgumentException("the span '" + label + "' goes from " + start + " to " + end
                    + "; it begins at 0 or later, and ends behind its beginning");
        }
    }
}
