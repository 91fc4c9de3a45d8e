package io.modscan.core.prompt;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One text, or a sequence of ready token ids, with an id and labels. Ready ids are run exactly as they are: nothing is
 * put in front of them. Immutable.
 */
public final class Prompt {

    private final String id;
    private final Map<String, String> labels;
    private final @Nullable String text;
    private final @Nullable Supplier<int[]> tokenIds;

    private Prompt(String id, Map<String, String> labels, @Nullable String text, @Nullable Supplier<int[]> tokenIds) {
        this.id = Objects.requireNonNull(id, "id");
        this.labels = copy(labels);
        this.text = text;
        this.tokenIds = tokenIds;
    }

    /** A map with a table of its own for one label or none would be most of what a prompt takes. */
    private static Map<String, String> copy(Map<String, String> labels) {
        if (labels.isEmpty()) {
            return Collections.emptyMap();
        }
        if (labels.size() == 1) {
            Map.Entry<String, String> only = labels.entrySet().iterator().next();
            return Collections.singletonMap(only.getKey(), only.getValue());
        }
        return Collections.unmodifiableMap(new LinkedHashMap<>(labels));
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
        int[] own = tokenIds.clone();
        return new Prompt(id, Map.of(), null, own::clone);
    }

    /**
     * Ready token ids that stay where they are until they are asked for, so that many prompts are held without theirs.
     *
     * @param id       its id, unique among the prompts that it is captured with
     * @param labels   its labels
     * @param tokenIds gives the ids, at least one: at every call a new array of the same ids, also to several threads
     * @return a prompt
     */
    public static Prompt ofTokens(String id, Map<String, String> labels, Supplier<int[]> tokenIds) {
        return new Prompt(id, labels, null, Objects.requireNonNull(tokenIds, "tokenIds"));
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
        return Optional.ofNullable(tokenIds).map(Supplier::get);
    }

    private int @Nullable [] ids() {
        return tokenIds == null ? null : tokenIds.get();
    }

    @Override
    public boolean equals(@Nullable Object o) {
        return o instanceof Prompt other
                && id.equals(other.id)
                && labels.equals(other.labels)
                && Objects.equals(text, other.text)
                && Arrays.equals(ids(), other.ids());
    }

    @Override
    public int hashCode() {
        return Objects.hash(id, labels, text, Arrays.hashCode(ids()));
    }

    @Override
    public String toString() {
        return "Prompt[" + id + ", " + labels + ", " + (text != null ? text : Arrays.toString(ids())) + "]";
    }
}
