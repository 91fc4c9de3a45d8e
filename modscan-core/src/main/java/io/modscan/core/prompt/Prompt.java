package io.modscan.core.prompt;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One text, or a sequence of ready token ids, with an id and labels. Ready ids are run exactly as they are: nothing is
 * put in front of them. Immutable.
 */
public final class Prompt {

    private final String id;
    private final Map<String, String> labels;
    private final @Nullable String text;
    private final int @Nullable [] tokenIds;

    private Prompt(String id, Map<String, String> labels, @Nullable String text, int @Nullable [] tokenIds) {
        this.id = Objects.requireNonNull(id, "id");
        this.labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        this.text = text;
        this.tokenIds = tokenIds;
    }

    /**
     * A text to be tokenized by the model's tokenizer.
     *
     * @param id   its id, unique among the prompts that it is captured with
     * @param text the text
     * @return a prompt without labels
     */
    public static Prompt of(String id, String text) {
        return new Prompt(id, Map.of(), Objects.requireNonNull(text, "text"), null);
    }

    /**
     * Ready token ids, which include the BOS token if there is to be one.
     *
     * @param id       its id, unique among the prompts that it is captured with
     * @param tokenIds the ids, at least one
     * @return a prompt without labels
     * @throws IllegalArgumentException if there are no ids
     */
    public static Prompt ofTokens(String id, int... tokenIds) {
        if (tokenIds.length == 0) {
            throw new IllegalArgumentException("prompt '" + id + "' has no token ids; at least one is needed");
        }
        return new Prompt(id, Map.of(), null, tokenIds.clone());
    }

    /**
     * The same prompt with one label more, or changed.
     *
     * @param key   what the label is of, such as {@code topic}
     * @param value the label
     * @return a copy
     */
    public Prompt withLabel(String key, String value) {
        Map<String, String> more = new LinkedHashMap<>(labels);
        more.put(key, value);
        return new Prompt(id, more, text, tokenIds);
    }

    /**
     * The id.
     *
     * @return the id that it was made with
     */
    public String id() {
        return id;
    }

    /**
     * The labels.
     *
     * @return key to label, in the order in which they were given; unmodifiable
     */
    public Map<String, String> labels() {
        return labels;
    }

    /**
     * The text.
     *
     * @return the text, or empty if the prompt was made of ready ids
     */
    public Optional<String> text() {
        return Optional.ofNullable(text);
    }

    /**
     * The ready token ids.
     *
     * @return a copy of the ids, or empty if the prompt is a text
     */
    public Optional<int[]> tokenIds() {
        return Optional.ofNullable(tokenIds).map(int[]::clone);
    }

    @Override
    public boolean equals(@Nullable Object o) {
        return o instanceof Prompt other
                && id.equals(other.id)
                && labels.equals(other.labels)
                && Objects.equals(text, other.text)
                && Arrays.equals(tokenIds, other.tokenIds);
    }

    @Override
    public int hashCode() {
        return Objects.hash(id, labels, text, Arrays.hashCode(tokenIds));
    }

    @Override
    public String toString() {
        return "Prompt[" + id + ", " + labels + ", " + (text != null ? text : Arrays.toString(tokenIds)) + "]";
    }
}
