package io.modscan.core.prompt;

import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.token.Span;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One text, or a sequence of ready token ids, or the ready tensors of one sample (an image's pixels, say), with an id and
 * labels. Ready ids are run exactly as they are: nothing is put in front of them. Ready tensors are handed to the model's
 * inputs of their names. A prompt may be run under an {@linkplain Intervention intervention}. Immutable.
 */
public final class Prompt {

    /** The key of the label that names the intervention that a prompt is {@linkplain #under under}. */
    public static final String INTERVENTION = "intervention";

    private final String id;
    private final Map<String, String> labels;
    private final @Nullable String text;
    private final @Nullable Supplier<int[]> tokenIds;
    private final @Nullable ReadyTensors tensors;
    private final @Nullable Under under;
    private final @Nullable Intervention toward;
    private final List<Span> spans;

    /** What it is run under, and the id of the same prompt without that. */
    private record Under(Intervention intervention, String untouchedId) {}

    private Prompt(
            String id,
            Map<String, String> labels,
            @Nullable String text,
            @Nullable Supplier<int[]> tokenIds,
            @Nullable ReadyTensors tensors,
            @Nullable Under under,
            @Nullable Intervention toward,
            List<Span> spans) {
        this.spans = spans;
        this.under = under;
        this.toward = toward;
        this.id = Objects.requireNonNull(id, "id");
        this.labels = copy(labels);
        this.text = text;
        this.tokenIds = tokenIds;
        this.tensors = tensors;
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
        return new Prompt(id, Map.of(), Objects.requireNonNull(text, "text"), null, null, null, null, List.of());
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
        return new Prompt(id, Map.of(), null, own::clone, null, null, null, List.of());
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
        return new Prompt(id, labels, null, Objects.requireNonNull(tokenIds, "tokenIds"), null, null, null, List.of());
    }

    /**
     * The ready tensors of one sample, for a model whose inputs are not text. They are held as long as the prompt is; give a
     * supplier where that is too much.
     *
     * @param id      its id, unique among the prompts that it is captured with
     * @param tensors a tensor for each of the model's inputs, by the inputs' names; at least one
     * @return a prompt without labels
     * @throws IllegalArgumentException if there is no tensor
     */
    public static Prompt ofTensors(String id, Map<String, InputTensor> tensors) {
        if (tensors.isEmpty()) {
            throw new IllegalArgumentException("prompt '" + id + "' has no tensors; at least one is needed");
        }
        return new Prompt(id, Map.of(), null, null, ReadyTensors.of(tensors), null, null, List.of());
    }

    /**
     * The ready tensors of one sample, which stay where they are until they are asked for, so that many prompts are held
     * without theirs. A capture asks twice: to learn the sample's size and digest, and to run it.
     *
     * @param id      its id, unique among the prompts that it is captured with
     * @param labels  its labels
     * @param tensors gives the tensors, at least one, by the names of the model's inputs: at every call the same ones, also
     *                to several threads
     * @return a prompt
     */
    public static Prompt ofTensors(String id, Map<String, String> labels, Supplier<Map<String, InputTensor>> tensors) {
        Objects.requireNonNull(tensors, "tensors");
        return new Prompt(id, labels, null, null, ReadyTensors.of(tensors, null), null, null, List.of());
    }

    /**
     * The same for tensors whose digest is known, so that prompts can be compared without reading them.
     *
     * @param id      its id, unique among the prompts that it is captured with
     * @param labels  its labels
     * @param sha256  the digest, as {@link #tensorsSha256()} tells it
     * @param tensors gives the tensors, as above
     * @return a prompt
     */
    public static Prompt ofTensors(
            String id, Map<String, String> labels, String sha256, Supplier<Map<String, InputTensor>> tensors) {
        Objects.requireNonNull(tensors, "tensors");
        return new Prompt(
                id,
                labels,
                null,
                null,
                ReadyTensors.of(tensors, Objects.requireNonNull(sha256, "sha256")),
                null,
                null,
                List.of());
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
        return new Prompt(id, more, text, tokenIds, tensors, under, toward, spans);
    }

    /**
     * The same prompt by another id, such as to capture it towards two interventions at once.
     *
     * @param newId unique among the prompts that it is captured with
     * @return a copy
     */
    public Prompt withId(String newId) {
        return new Prompt(newId, labels, text, tokenIds, tensors, under, toward, spans);
    }

    /**
     * The same prompt, run under an intervention. It is a prompt of its own, which may be captured beside the untouched one.
     *
     * @param intervention what is changed while it is run
     * @return a prompt with the id {@code ID@NAME} and the label {@code intervention}, NAME being the intervention's name
     * @throws IllegalArgumentException if it is under one already
     */
    public Prompt under(Intervention intervention) {
        return under(intervention, id + "@" + intervention.name(), id).withLabel(INTERVENTION, intervention.name());
    }

    /**
     * A prompt under an intervention, by an id of its own.
     *
     * @param intervention what is changed while it is run
     * @param newId        the prompt's id
     * @param untouchedId  that of the same prompt without an intervention
     * @return a copy, with the same labels
     * @throws IllegalArgumentException if it is under one already
     */
    public Prompt under(Intervention intervention, String newId, String untouchedId) {
        if (under != null) {
            throw new IllegalArgumentException("prompt '" + id + "' is under '"
                    + under.intervention().name()
                    + "' already; put both into one intervention, and begin with the untouched prompt");
        }
        return new Prompt(newId, labels, text, tokenIds, tensors, new Under(intervention, untouchedId), toward, spans);
    }

    /**
     * The same prompt by its token ids, without its text.
     *
     * @param ids gives the ids, as for {@link #ofTokens(String, Map, Supplier)}
     * @param inTokens its spans, in tokens
     * @return a copy with the same id, labels and interventions
     */
    public Prompt withTokens(Supplier<int[]> ids, List<Span> inTokens) {
        return new Prompt(
                id, labels, null, Objects.requireNonNull(ids, "ids"), null, under, toward, List.copyOf(inTokens));
    }

    /**
     * The same prompt with one span more: of a text in characters, as {@link String#substring(int, int)} counts them, of ready ids in
     * tokens, of ready tensors in positions. Which tokens a span of characters has is worked out when the prompt is captured: all that share
     * a character with it, so one that is partly inside counts.
     *
     * @param label what the stretch is, such as {@code subject}
     * @param start the first character's or token's index
     * @param end   the index behind the last
     * @return a copy
     * @throws IllegalArgumentException if it does not lie within the text, or within the ids that the prompt was made with
     */
    public Prompt withSpan(String label, int start, int end) {
        return withSpans(Stream.concat(spans.stream(), Stream.of(new Span(label, start, end)))
                .toList());
    }

    /**
     * The same prompt with other spans.
     *
     * @param others in place of those that it has, as for {@link #withSpan}
     * @return a copy
     * @throws IllegalArgumentException as {@link #withSpan} does
     */
    public Prompt withSpans(List<Span> others) {
        if (text != null) {
            for (Span span : others) {
                if (span.end() > text.length()) {
                    throw new IllegalArgumentException("the span '" + span.label() + "' of prompt '" + id
                            + "' goes from character " + span.start() + " to " + span.end() + ", and its text has "
                            + text.length());
                }
            }
        }
        return new Prompt(id, labels, text, tokenIds, tensors, under, toward, List.copyOf(others));
    }

    /**
     * The spans.
     *
     * @return the spans, in the order in which they were given; in characters of a {@linkplain #text() text}, else in tokens; unmodifiable
     */
    public List<Span> spans() {
        return spans;
    }

    /**
     * The same prompt with what its attributions put in place of values. It is run as before: attributions only estimate what would happen.
     *
     * @param intervention what would be changed; at the sites whose attributions are read, it says for each what it is replaced by
     * @return a copy with the same id and labels
     */
    public Prompt toward(Intervention intervention) {
        return new Prompt(
                id,
                labels,
                text,
                tokenIds,
                tensors,
                under,
                Objects.requireNonNull(intervention, "intervention"),
                spans);
    }

    /**
     * What its attributions put in place of values.
     *
     * @return the intervention; empty if it is zero everywhere
     */
    public Optional<Intervention> toward() {
        return Optional.ofNullable(toward);
    }

    /**
     * What is changed while it is run.
     *
     * @return the intervention; empty if nothing is
     */
    public Optional<Intervention> intervention() {
        return Optional.ofNullable(under).map(Under::intervention);
    }

    /**
     * The id of the same prompt without an intervention.
     *
     * @return its own id if it is under none
     */
    public String untouchedId() {
        return under == null ? id : under.untouchedId();
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
     * @return the text, or empty if the prompt was made of ready ids or tensors
     */
    public Optional<String> text() {
        return Optional.ofNullable(text);
    }

    /**
     * The ready token ids.
     *
     * @return a copy of the ids, or empty if the prompt is a text or of ready tensors
     */
    public Optional<int[]> tokenIds() {
        return Optional.ofNullable(tokenIds).map(Supplier::get);
    }

    /**
     * The ready tensors.
     *
     * @return the tensors by the names of the model's inputs, unmodifiable; or empty if the prompt is a text or of token ids
     * @throws ModscanException if what gives them gives none, or others than their digest tells of
     */
    public Optional<Map<String, InputTensor>> tensors() {
        return Optional.ofNullable(tensors).map(ReadyTensors::get);
    }

    /**
     * A digest of the ready tensors: of their names, types, shapes and values. It is worked out once.
     *
     * @return the SHA-256 in hexadecimal digits, or empty if the prompt is a text or of token ids
     */
    public Optional<String> tensorsSha256() {
        return Optional.ofNullable(tensors).map(ReadyTensors::sha256);
    }

    /**
     * How much memory goes when the prompt goes, beside Java's heap.
     *
     * @return the bytes of the ready tensors that the prompt holds; 0 if it has none, or gets them when they are asked for
     */
    public long heldBytes() {
        return tensors == null ? 0 : tensors.heldBytes();
    }

    private int @Nullable [] ids() {
        return tokenIds == null ? null : tokenIds.get();
    }

    /** Ready tensors are compared by their digests. */
    @Override
    public boolean equals(@Nullable Object o) {
        return o == this
                || (o instanceof Prompt other
                        && id.equals(other.id)
                        && labels.equals(other.labels)
                        && Objects.equals(text, other.text)
                        && Arrays.equals(ids(), other.ids())
                        && Objects.equals(under, other.under)
                        && Objects.equals(toward, other.toward)
                        && spans.equals(other.spans)
                        && tensorsSha256().equals(other.tensorsSha256()));
    }

    @Override
    public int hashCode() {
        return Objects.hash(id, labels, text, Arrays.hashCode(ids()), tensorsSha256(), under, toward, spans);
    }

    @Override
    public String toString() {
        String content = tensors != null ? tensors.toString() : text != null ? text : Arrays.toString(ids());
        return "Prompt[" + id + ", " + labels + ", " + content
                + (under == null ? "" : ", under " + under.intervention())
                + (toward == null ? "" : ", toward " + toward)
                + (spans.isEmpty() ? "" : ", " + spans) + "]";
    }
}
