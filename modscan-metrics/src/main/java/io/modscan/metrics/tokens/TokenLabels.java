package io.modscan.metrics.tokens;

import io.modscan.core.model.Tokenizer;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * What the tokens of a prompt are. A labelling gives for each label the positions of its tokens. Labels may overlap, and a token may
 * have none. The static methods are the catalogue.
 *
 * <p>The same tokens always get the same labels, whatever the model makes of them. Implementations are safe for use by many threads.
 */
@FunctionalInterface
public interface TokenLabels {

    /**
     * Labels the tokens of a prompt.
     *
     * @param tokens the tokens, without BOS where it is known which one that is
     * @return for each label its tokens' positions, ascending; a label may be left out where it has none
     */
    SortedMap<String, int[]> of(PromptTokens tokens);

    /**
     * Whether a token's labels follow from where it stands, so that label and position are one question.
     *
     * @return true of {@link #position} and {@link #positionBins}; by default false
     */
    default boolean isByPosition() {
        return false;
    }

    /**
     * A prompt's spans: each label's tokens. Where several spans of a label overlap, a token counts once.
     *
     * @return a labelling
     */
    static TokenLabels spans() {
        return of("spans", tokens -> {
            SortedMap<String, int[]> labels = new TreeMap<>();
            for (Span span : tokens.spans()) {
                labels.computeIfAbsent(span.label(), tokens::positions);
            }
            return labels;
        });
    }

    /**
     * Where a token stands, counted from the beginning, without BOS: {@code position 1} to {@code position k}, the numbers as long as k
     * is. Tokens behind have no label.
     *
     * @param k how many positions have a label
     * @return a labelling
     * @throws IllegalArgumentException if it is less than 1
     */
    static TokenLabels position(int k) {
        if (k < 1) {
            throw new IllegalArgumentException("of " + k + " positions none has a label; give at least 1");
        }
        return new NamedLabels("position " + k, true, tokens -> {
            SortedMap<String, int[]> labels = new TreeMap<>();
            for (int position = 0; position < Math.min(k, tokens.size()); position++) {
                labels.put("position " + numbered(position + 1, k), new int[] {position});
            }
            return labels;
        });
    }

    /**
     * Where a token stands in proportion to the prompt's length, without BOS: of n tokens, the one at position t from 0 is in {@code part
     * 1 + ⌊t · bins / n⌋ of bins}. A prompt of fewer tokens than bins has parts without a token.
     *
     * @param bins how many parts a prompt has
     * @return a labelling
     * @throws IllegalArgumentException if it is less than 2
     */
    static TokenLabels positionBins(int bins) {
        if (bins < 2) {
            throw new IllegalArgumentException(
                    "a prompt in " + bins + " parts has no part to compare; give at least 2");
        }
        return new NamedLabels("position in " + bins + " parts", true, tokens -> {
            SortedMap<String, int[]> labels = new TreeMap<>();
            int size = tokens.size();
            for (int bin = 0; bin < bins; bin++) {
                long part = bin;
                int[] positions = IntStream.range(0, size)
                        .filter(position -> (long) position * bins / size == part)
                        .toArray();
                if (positions.length > 0) {
                    labels.put("part " + numbered(bin + 1, bins) + " of " + bins, positions);
                }
            }
            return labels;
        });
    }

    private static String numbered(int number, int most) {
        return String.format(Locale.ROOT, "%0" + String.valueOf(most).length() + "d", number);
    }

    /**
     * Whether a token's id has occurred before in its prompt, which is what induction heads answer: the label {@code repeated}. Of ready
     * tensors no ids are known, and a {@link io.modscan.core.error.ModscanException} says so.
     *
     * @return a labelling
     */
    static TokenLabels repeated() {
        return of("repeated", tokens -> {
            int[] ids = NamedLabels.knownIds(tokens, "whether a token is repeated");
            Set<Integer> seen = new HashSet<>();
            int[] positions = IntStream.range(0, ids.length)
                    .filter(position -> !seen.add(ids[position]))
                    .toArray();
            return labelled(Map.of("repeated", positions));
        });
    }

    /**
     * What kind of token it is, by the text of its id alone. Let the inside be the text without white space at either end. The first of
     * these that holds is the label:
     *
     * <ol>
     *   <li>{@code part of a character}: the text holds U+FFFD, so that the token is some bytes of a character
     *   <li>{@code whitespace}: there is text, and the inside is empty
     *   <li>{@code digit}: the inside is decimal digits only, of whatever script
     *   <li>{@code punctuation}: no letter and no digit is inside
     *   <li>{@code word begin}: the text begins with white space
     *   <li>{@code continuation}: all else
     * </ol>
     *
     * <p>A token without any text has no label. A word that no blank stands before, such as the first of a text, counts as a
     * continuation, and so does all text of a script without blanks: a token alone cannot tell. The rules are for tokenizers that have the
     * blank in front of a word in its token, as OPT's has.
     *
     * @param tokenizer the model's; each id is decoded once
     * @return a labelling
     */
    static TokenLabels kind(Tokenizer tokenizer) {
        return new TokenKinds(tokenizer).labels();
    }

    /**
     * Labels by a function of one's own.
     *
     * @param name     what the labelling is called, in messages
     * @param function see {@link #of(PromptTokens)}
     * @return a labelling, which is not by position
     * @throws IllegalArgumentException if the name is empty
     */
    static TokenLabels of(String name, Function<PromptTokens, ? extends Map<String, int[]>> function) {
        return new NamedLabels(name, false, function);
    }

    private static SortedMap<String, int[]> labelled(Map<String, int[]> labels) {
        return new TreeMap<>(labels);
    }
}
