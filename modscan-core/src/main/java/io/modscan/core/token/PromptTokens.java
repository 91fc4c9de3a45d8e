package io.modscan.core.token;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that were run for a prompt: their ids, the prompt's spans among them, and at which of them sites that keep positions have
 * a vector. Immutable.
 */
public final class PromptTokens {

    private final int[] ids;
    private final List<Span> spans;
    private final int @Nullable [] kept;

    private PromptTokens(int[] ids, List<Span> spans, int @Nullable [] kept) {
        this.ids = ids;
        this.spans = spans;
        this.kept = kept;
    }

    /**
     * Tokens of which each position is kept.
     *
     * @param ids   the ids, BOS included; -1 at each position of ready tensors
     * @param spans spans in tokens
     * @return the tokens
     * @throws IllegalArgumentException if a span ends behind the last token
     */
    public static PromptTokens of(int[] ids, List<Span> spans) {
        for (Span span : spans) {
            if (span.end() > ids.length) {
                throw new IllegalArgumentException("the span '" + span.label() + "' goes from token " + span.start()
                        + " to " + span.end() + ", and there are " + ids.length + " tokens");
            }
        }
        return new PromptTokens(ids.clone(), List.copyOf(spans), null);
    }

    /**
     * The same tokens, of which only some positions are kept.
     *
     * @param positions indices of tokens, ascending
     * @return a copy
     * @throws IllegalArgumentException if they are not ascending, or there is no such token
     */
    public PromptTokens keeping(int... positions) {
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] < (i == 0 ? 0 : positions[i - 1] + 1) || positions[i] >= ids.length) {
                throw new IllegalArgumentException("the positions " + Arrays.toString(positions)
                        + " are not ascending indices of " + ids.length + " tokens");
            }
        }
        return new PromptTokens(ids, spans, positions.clone());
    }

    /**
     * What is left without the first token.
     *
     * @return tokens whose positions and spans are counted from the second on; a span of the first token alone is gone
     * @throws IllegalStateException if there is no token
     */
    public PromptTokens withoutFirst() {
        if (ids.length == 0) {
            throw new IllegalStateException("there is no token to leave out");
        }
        List<Span> behind = new ArrayList<>();
        for (Span span : spans) {
            if (span.end() > 1) {
                behind.add(new Span(span.label(), Math.max(0, span.start() - 1), span.end() - 1));
            }
        }
        int @Nullable [] positions = kept == null
                ? null
                : Arrays.stream(kept)
                        .filter(position -> position > 0)
                        .map(position -> position - 1)
                        .toArray();
        return new PromptTokens(Arrays.copyOfRange(ids, 1, ids.length), List.copyOf(behind), positions);
    }

    /**
     * The first tokens only.
     *
     * @param number how many
     * @return tokens without those behind; a span that lies there is gone, one that lies there in part is shorter
     * @throws IllegalArgumentException if there are less
     */
    public PromptTokens cut(int number) {
        if (number > ids.length) {
            throw new IllegalArgumentException("of " + ids.length + " tokens there are no first " + number);
        }
        List<Span> before = spans.stream()
                .filter(span -> span.start() < number)
                .map(span -> new Span(span.label(), span.start(), Math.min(span.end(), number)))
                .toList();
        int @Nullable [] positions = kept == null
                ? null
                : Arrays.stream(kept).filter(position -> position < number).toArray();
        return new PromptTokens(Arrays.copyOf(ids, number), before, positions);
    }

    /**
     * The number of tokens.
     *
     * @return how many there are, kept or not
     */
    public int size() {
        return ids.length;
    }

    /**
     * A token's id.
     *
     * @param position its index
     * @return its id; -1 of ready tensors
     * @throws IndexOutOfBoundsException if there is no such token
     */
    public int id(int position) {
        return ids[Objects.checkIndex(position, ids.length)];
    }

    /**
     * All ids.
     *
     * @return a copy
     */
    public int[] ids() {
        return ids.clone();
    }

    /**
     * The spans.
     *
     * @return the spans in tokens, in the order in which the prompt has them; one that no token is left of, as behind a cut, is not there
     */
    public List<Span> spans() {
        return spans;
    }

    /**
     * The tokens of a label's spans.
     *
     * @param label the label
     * @return their positions, ascending, each once; none if there is no such span
     */
    public int[] positions(String label) {
        return spans.stream()
                .filter(span -> span.label().equals(label))
                .flatMapToInt(span -> IntStream.range(span.start(), span.end()))
                .sorted()
                .distinct()
                .toArray();
    }

    /**
     * At which tokens sites that keep positions have a vector: the first vector is that of the first of these, and so on.
     *
     * @return positions, ascending; all of them unless only some were asked for
     */
    public int[] kept() {
        return kept == null ? IntStream.range(0, ids.length).toArray() : kept.clone();
    }

    /**
     * How many tokens sites that keep positions have a vector at.
     *
     * @return the number of {@link #kept()}
     */
    public int keptSize() {
        return kept == null ? ids.length : kept.length;
    }

    /**
     * Whether sites that keep positions have a vector at the first token.
     *
     * @return whether {@link #kept()} begins with 0
     */
    public boolean keepsFirst() {
        return ids.length > 0 && (kept == null || (kept.length > 0 && kept[0] == 0));
    }

    /**
     * Whether sites that keep positions have a vector at each token.
     *
     * @return true unless only some positions were asked for
     */
    public boolean isAllKept() {
        return kept == null;
    }

    @Override
    public boolean equals(@Nullable Object o) {
        return o == this
                || (o instanceof PromptTokens other
                        && Arrays.equals(ids, other.ids)
                        && spans.equals(other.spans)
                        && Arrays.equals(kept, other.kept));
    }

    @Override
    public int hashCode() {
        return Objects.hash(Arrays.hashCode(ids), spans, Arrays.hashCode(kept));
    }

    @Override
    public String toString() {
        return Arrays.toString(ids)
                + (spans.isEmpty() ? "" : ", " + spans)
                + (kept == null ? "" : ", kept " + Arrays.toString(kept));
    }
}
