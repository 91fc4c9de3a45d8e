package io.modscan.core.site;

import io.modscan.core.error.ModscanException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What {@linkplain Site#gradient() gradients} and {@linkplain Site#attribution() attributions} are of: one number a prompt, the mean of something over
 * some of its positions. The static methods are the catalogue. What is told of tokens and weights is for those who write a source. Immutable; safe for use by many threads.
 */
public final class Objective {

    /** What is looked at at each position. */
    public enum Kind {
        /** The negative log likelihood of the token there, given those before it. */
        LOSS,
        /** The logit of a token to come next, or the difference of two. */
        LOGITS,
        /** The natural logarithm of the probability of a token to come next. */
        LOG_PROB,
        /** How far a site's vector reaches along a direction. */
        DIRECTION
    }

    enum Where {
        USUAL,
        CHOSEN,
        EVERYWHERE
    }

    private final Kind kind;
    final Where where;
    final List<Integer> positions;
    final List<Integer> tokens;
    final List<String> labels;
    final String site;
    private final float[] direction;
    final String sha256;

    Objective(
            Kind kind,
            Where where,
            List<Integer> positions,
            List<Integer> tokens,
            List<String> labels,
            String site,
            float[] direction,
            String sha256) {
        this.kind = kind;
        this.where = where;
        this.positions = positions;
        this.tokens = tokens;
        this.labels = labels;
        this.site = site;
        this.direction = direction;
        this.sha256 = sha256;
    }

    private static Objective of(Kind kind, List<Integer> tokens, List<String> labels) {
        return new Objective(kind, Where.USUAL, List.of(), tokens, labels, "", new float[0], "");
    }

    /**
     * The mean over a prompt's tokens of their negative log likelihood given those before them, in nats: of all but the first, unless
     * {@linkplain #at positions} are chosen. A prompt of one token has none, so that its gradients are NaN, but for neurons that are off, whose gradient is 0 whatever comes behind.
     *
     * @return the loss
     */
    public static Objective loss() {
        return of(Kind.LOSS, List.of(), List.of());
    }

    /**
     * The logit of a token, at the last position unless others are chosen.
     *
     * @param token its id
     * @return the logit
     */
    public static Objective logit(int token) {
        return of(Kind.LOGITS, List.of(token), List.of());
    }

    /**
     * By how much an answer is above a foil, logit(answer) − logit(foil), at the last position unless others are chosen.
     *
     * @param answer the id of the token that is right
     * @param foil   that of the one that is wrong
     * @return the difference of logits
     * @throws IllegalArgumentException if they are the same
     */
    public static Objective logitDifference(int answer, int foil) {
        if (answer == foil) {
            throw new IllegalArgumentException("answer and foil are both token " + answer + "; they are two");
        }
        return of(Kind.LOGITS, List.of(answer, foil), List.of());
    }

    /**
     * The same where each prompt has an answer and a foil of its own.
     *
     * @param answer the key of the label that holds the id of a prompt's answer, as a decimal number
     * @param foil   the key of that of its foil
     * @return the difference of logits
     * @throws IllegalArgumentException if both are the same key
     */
    public static Objective logitDifference(String answer, String foil) {
        if (answer.equals(foil)) {
            throw new IllegalArgumentException("answer and foil are both the label '" + answer + "'; they are two");
        }
        return of(Kind.LOGITS, List.of(), List.of(answer, foil));
    }

    /**
     * The natural logarithm of the probability of a token, at the last position unless others are chosen.
     *
     * @param token its id
     * @return the logarithm, in nats
     */
    public static Objective logProb(int token) {
        return of(Kind.LOG_PROB, List.of(token), List.of());
    }

    /**
     * The same where each prompt has a token of its own.
     *
     * @param label the key of the label that holds the token's id, as a decimal number
     * @return the logarithm, in nats
     */
    public static Objective logProb(String label) {
        return of(Kind.LOG_PROB, List.of(), List.of(label));
    }

    /**
     * How far a site's vector reaches along a direction: the product of both, the mean over all positions unless some are chosen. Any linear functional of a
     * site is one.
     *
     * @param site      the site's name, such as {@code blocks.5.hook_resid_post}
     * @param direction a number for each of the site's units, heads side by side
     * @return the objective
     * @throws IllegalArgumentException if the direction has no numbers, is zero throughout, or not finite
     */
    public static Objective direction(String site, float... direction) {
        boolean zero = true;
        for (float value : direction) {
            zero &= value == 0;
            if (!Float.isFinite(value)) {
                throw new IllegalArgumentException(
                        "a direction at " + site + " has the number " + value + "; all of its numbers are finite");
            }
        }
        if (zero) {
            throw new IllegalArgumentException(
                    "a direction at " + site + " is nothing but zeros, so that all gradients would be 0");
        }
        return new Objective(
                Kind.DIRECTION,
                Where.USUAL,
                List.of(),
                List.of(),
                List.of(),
                Objects.requireNonNull(site, "site"),
                direction.clone(),
                digest(direction));
    }

    /**
     * The same at some positions: the mean over these. The loss at a position is that of the token there.
     *
     * @param some positions from 0, BOS counted, or, negative, from the end: -1 is the last
     * @return a copy
     * @throws IllegalArgumentException if there is none, or a loss is asked for at position 0, where there is none
     */
    public Objective at(int... some) {
        if (some.length == 0) {
            throw new IllegalArgumentException("no position is named; name at least one");
        }
        List<Integer> chosen = Arrays.stream(some).boxed().distinct().sorted().toList();
        if (kind == Kind.LOSS && chosen.contains(0)) {
            throw new IllegalArgumentException("the token at position 0 follows none, so it has no loss");
        }
        boolean usual = atEnd() && chosen.equals(List.of(-1));
        return new Objective(
                kind,
                usual ? Where.USUAL : Where.CHOSEN,
                usual ? List.of() : chosen,
                tokens,
                labels,
                site,
                direction,
                sha256);
    }

    /** Whether the usual position is the last one. */
    private boolean atEnd() {
        return kind == Kind.LOGITS || kind == Kind.LOG_PROB;
    }

    /**
     * The same at all positions: the mean over them.
     *
     * @return a copy
     */
    public Objective everywhere() {
        return new Objective(
                kind, atEnd() ? Where.EVERYWHERE : Where.USUAL, List.of(), tokens, labels, site, direction, sha256);
    }

    /**
     * Whether it is looked at where its kind is unless told otherwise.
     *
     * @return whether neither {@link #at} nor {@link #everywhere} has been asked for
     */
    public boolean isAtUsualPositions() {
        return where == Where.USUAL;
    }

    /**
     * What is looked at.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    /**
     * Where a direction is looked at.
     *
     * @return the site's name, or empty if this is about the logits
     */
    public Optional<String> site() {
        return kind == Kind.DIRECTION ? Optional.of(site) : Optional.empty();
    }

    /**
     * The direction.
     *
     * @return a copy of its numbers; none of another kind, or of one that a recording {@linkplain #told tells}
     */
    public float[] direction() {
        return direction.clone();
    }

    /**
     * How many tokens it is about in each prompt.
     *
     * @return 1 for a logit or log probability, 2 for a difference, 0 else
     */
    public int tokenCount() {
        return Math.max(tokens.size(), labels.size());
    }

    /**
     * The tokens that it is about in a prompt.
     *
     * @param prompt   the prompt's id, for messages
     * @param ofPrompt its labels
     * @return as many ids as {@link #tokenCount}
     * @throws ModscanException if the prompt has no such label, or it is no number of a token
     */
    public List<Integer> tokens(String prompt, Map<String, String> ofPrompt) {
        return labels.isEmpty()
                ? tokens
                : labels.stream()
                        .map(key -> token(prompt, key, ofPrompt.get(key)))
                        .toList();
    }

    /**
     * The tokens that it is about in a prompt where each prompt has its own.
     *
     * @param prompt   the prompt's id, for messages
     * @param ofPrompt its labels
     * @return none if all prompts have the same
     * @throws ModscanException as {@link #tokens}
     */
    public List<Integer> ownTokens(String prompt, Map<String, String> ofPrompt) {
        return labels.isEmpty() ? List.of() : tokens(prompt, ofPrompt);
    }

    private static int token(String prompt, String key, @Nullable String label) {
        try {
            int id = Integer.parseInt(label == null ? "" : label);
            if (id >= 0) {
                return id;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new ModscanException("prompt '" + prompt + "' has "
                + (label == null ? "no label '" + key + "'" : "the label '" + key + "' '" + label + "'")
                + "; the gradient's objective needs the id of a token there, a number from 0");
    }

    /**
     * How much each position counts.
     *
     * @param length the prompt's tokens
     * @return for each position the factor of what the model computes there; the loss of a token counts where it is predicted, one position before. NaN
     *     throughout for the loss of a single token
     * @throws ModscanException if a chosen position is not there
     */
    public float[] weights(int length) {
        float[] weights = new float[length];
        if (kind == Kind.LOSS && length == 1) {
            weights[0] = Float.NaN;
            return weights;
        }
        int[] counted = counted(length);
        for (int position : counted) {
            weights[kind == Kind.LOSS ? position - 1 : position] += 1f / counted.length;
        }
        return weights;
    }

    private int[] counted(int length) {
        boolean last = where == Where.USUAL && atEnd();
        int first = kind == Kind.LOSS ? 1 : 0;
        if (where != Where.CHOSEN) {
            return last
                    ? new int[] {length - 1}
                    : IntStream.range(first, length).toArray();
        }
        int[] places = new int[positions.size()];
        for (int i = 0; i < places.length; i++) {
            int position = positions.get(i);
            places[i] = position < 0 ? length + position : position;
            if (places[i] < first || places[i] >= length) {
                throw new ModscanException("the gradient's objective is " + this + ", at position " + position
                        + ", and the prompt has " + length + " tokens: " + first + " to " + (length - 1) + ", or -1 to "
                        + (first - length) + " from the end");
            }
        }
        return Arrays.stream(places).distinct().toArray();
    }

    private static String digest(float... direction) {
        ByteBuffer bytes = ByteBuffer.allocate(direction.length * Float.BYTES);
        bytes.asFloatBuffer().put(direction);
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /**
     * It as JSON, of a direction its digest instead of its numbers.
     *
     * @return an object on one line
     */
    public String toJson() {
        return ObjectiveJson.write(this);
    }

    /**
     * Reads what a recording tells of one. A direction's numbers are not there, so that with it nothing can be computed anew.
     *
     * @param json what {@link #toJson} gave
     * @return an objective that is equal to the one that was written
     * @throws ModscanException if it is none
     */
    public static Objective told(String json) {
        return ObjectiveJson.read(json);
    }

    @Override
    public boolean equals(@Nullable Object o) {
        return o == this || (o instanceof Objective other && toJson().equals(other.toJson()));
    }

    @Override
    public int hashCode() {
        return toJson().hashCode();
    }

    /**
     * The objective in words.
     *
     * @return such as {@code loss}, {@code logit of token 5 over 17} or {@code direction at blocks.5.hook_resid_post}
     */
    @Override
    public String toString() {
        List<String> of = labels.isEmpty()
                ? tokens.stream().map(token -> "token " + token).toList()
                : labels.stream().map(label -> "the token in '" + label + "'").toList();
        String what = switch (kind) {
            case LOSS -> "loss";
            case LOGITS -> "logit of " + String.join(" over ", of);
            case LOG_PROB -> "log probability of " + of.get(0);
            case DIRECTION -> "direction at " + site + " (" + sha256.substring(0, Math.min(8, sha256.length())) + "…)";
        };
        return what
                + switch (where) {
                    case USUAL -> "";
                    case CHOSEN -> " at " + positions;
                    case EVERYWHERE -> " at all positions";
                };
    }
}
