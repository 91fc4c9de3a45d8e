package io.modscan.core.token;

import io.modscan.core.error.ModscanException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Which of a prompt's tokens count in a {@linkplain io.modscan.core.site.Pooling pooling}, or are kept where nothing is pooled. Immutable.
 *
 * <p>Each has a text form, which the command line takes and capture files hold: {@code all}, {@code no-bos}, {@code first:3}, {@code
 * last:3}, {@code span:subject}, {@code ids:5,17}, and {@code where:NAME}, by which a condition of one's own is only known again.
 */
public final class Positions {

    private static final Positions ALL = new Positions(Kind.ALL, "", List.of(), null);
    private static final Positions WITHOUT_BOS = new Positions(Kind.WITHOUT_BOS, "", List.of(), null);

    private enum Kind {
        ALL("all"),
        WITHOUT_BOS("no-bos"),
        FIRST("first:"),
        LAST("last:"),
        SPAN("span:"),
        IDS("ids:"),
        WHERE("where:");

        private final String text;

        Kind(String text) {
            this.text = text;
        }
    }

    private final Kind kind;
    private final String name;
    private final List<Integer> numbers;
    private final @Nullable Predicate<Token> condition;

    private Positions(Kind kind, String name, List<Integer> numbers, @Nullable Predicate<Token> condition) {
        this.kind = kind;
        this.name = name;
        this.numbers = numbers;
        this.condition = condition;
    }

    /**
     * All tokens.
     *
     * @return the positions, BOS among them
     */
    public static Positions all() {
        return ALL;
    }

    /**
     * All tokens but a BOS at the beginning.
     *
     * @return the positions
     */
    public static Positions withoutBos() {
        return WITHOUT_BOS;
    }

    /**
     * The first tokens.
     *
     * @param number how many, BOS counted in; a shorter prompt has all of its tokens counted
     * @return the positions
     * @throws IllegalArgumentException if it is less than 1
     */
    public static Positions first(int number) {
        return counted(Kind.FIRST, number);
    }

    /**
     * The last tokens.
     *
     * @param number how many; a shorter prompt has all of its tokens counted
     * @return the positions
     * @throws IllegalArgumentException if it is less than 1
     */
    public static Positions last(int number) {
        return counted(Kind.LAST, number);
    }

    private static Positions counted(Kind kind, int number) {
        if (number < 1) {
            throw new IllegalArgumentException("'" + kind.text + number + "' is no token; count from 1");
        }
        return new Positions(kind, "", List.of(number), null);
    }

    /**
     * The tokens of the prompt's spans of a label. A token that is partly inside counts.
     *
     * @param label the label
     * @return the positions
     * @throws IllegalArgumentException if it is empty
     */
    public static Positions span(String label) {
        if (label.isBlank()) {
            throw new IllegalArgumentException("'span:' needs the label of a span");
        }
        return new Positions(Kind.SPAN, label, List.of(), null);
    }

    /**
     * The tokens with some ids.
     *
     * @param ids at least one
     * @return the positions
     * @throws IllegalArgumentException if there are none
     */
    public static Positions ids(int... ids) {
        if (ids.length == 0) {
            throw new IllegalArgumentException("'ids:' needs token ids, such as ids:5,17");
        }
        return new Positions(
                Kind.IDS, "", Arrays.stream(ids).sorted().distinct().boxed().toList(), null);
    }

    /**
     * The tokens for which a condition holds.
     *
     * @param name      what the condition is called, in captures and messages; another condition has another name
     * @param condition is asked for each token of each prompt, by one thread; the same token always gets the same answer
     * @return the positions
     * @throws IllegalArgumentException if the name is empty
     */
    public static Positions where(String name, Predicate<Token> condition) {
        Objects.requireNonNull(condition, "condition");
        if (name.isBlank()) {
            throw new IllegalArgumentException("a condition on tokens needs a name");
        }
        return new Positions(Kind.WHERE, name, List.of(), condition);
    }

    /**
     * Reads the text form.
     *
     * @param text as {@link #toString()} gives it
     * @return the positions; of {@code where:NAME} the condition is not known, so they choose nothing, and tell only what was recorded
     * @throws IllegalArgumentException if it is no such text
     */
    public static Positions parse(String text) {
        for (Kind kind : Kind.values()) {
            boolean isWhole = kind == Kind.ALL || kind == Kind.WITHOUT_BOS;
            if (isWhole ? text.equals(kind.text) : text.startsWith(kind.text)) {
                return parse(kind, text.substring(kind.text.length()));
            }
        }
        throw new IllegalArgumentException("'" + ModscanException.printable(text)
                + "' is no choice of positions; these are: all, no-bos, first:3, last:3, span:LABEL, ids:5,17");
    }

    private static Positions parse(Kind kind, String rest) {
        return switch (kind) {
            case ALL -> ALL;
            case WITHOUT_BOS -> WITHOUT_BOS;
            case FIRST, LAST -> counted(kind, number(kind, rest));
            case SPAN -> span(rest);
            case IDS ->
                ids(Arrays.stream(rest.split(",", -1))
                        .mapToInt(id -> number(kind, id.strip()))
                        .toArray());
            case WHERE -> new Positions(kind, rest, List.of(), null);
        };
    }

    private static int number(Kind kind, String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "'" + ModscanException.printable(text) + "' in '" + kind.text + "…' is no whole number", e);
        }
    }

    /**
     * Whether every token counts.
     *
     * @return true of {@link #all()} only
     */
    public boolean isAll() {
        return kind == Kind.ALL;
    }

    /**
     * Whether only BOS is left out.
     *
     * @return true of {@link #withoutBos()} only
     */
    public boolean isWithoutBos() {
        return kind == Kind.WITHOUT_BOS;
    }

    /**
     * Whether the ids of tokens have a say, so that nothing can be told of ready tensors.
     *
     * @return whether BOS is left out, or tokens are chosen by id or by a condition
     */
    public boolean isById() {
        return kind == Kind.WITHOUT_BOS || kind == Kind.IDS || kind == Kind.WHERE;
    }

    /**
     * Whether the texts of tokens are needed.
     *
     * @return true of a condition
     */
    public boolean isByText() {
        return kind == Kind.WHERE;
    }

    /**
     * Chooses among a prompt's tokens.
     *
     * @param tokens the tokens
     * @param bos    the id of BOS; empty if there is none, or it is known not to be there
     * @param text   gives the text of an id; asked only if they are {@linkplain #isByText() by text}
     * @return positions, ascending; maybe none
     * @throws ModscanException if the condition is known by name only
     */
    public int[] of(PromptTokens tokens, OptionalInt bos, IntFunction<String> text) {
        int size = tokens.size();
        return switch (kind) {
            case ALL -> IntStream.range(0, size).toArray();
            case WITHOUT_BOS -> {
                boolean hasBos = size > 0 && bos.isPresent() && tokens.id(0) == bos.getAsInt();
                yield IntStream.range(hasBos ? 1 : 0, size).toArray();
            }
            case FIRST -> IntStream.range(0, Math.min(size, numbers.get(0))).toArray();
            case LAST ->
                IntStream.range(Math.max(0, size - numbers.get(0)), size).toArray();
            case SPAN -> tokens.positions(name);
            case IDS ->
                IntStream.range(0, size)
                        .filter(position -> Collections.binarySearch(numbers, tokens.id(position)) >= 0)
                        .toArray();
            case WHERE -> {
                Predicate<Token> holds = condition;
                if (holds == null) {
                    throw new ModscanException("the condition '" + name
                            + "' on tokens is known by its name only; give the condition itself");
                }
                yield IntStream.range(0, size)
                        .filter(position ->
                                holds.test(new Token(position, tokens.id(position), text.apply(tokens.id(position)))))
                        .toArray();
            }
        };
    }

    /** Conditions are equal if they are the same object, or both known by the same name only. */
    @Override
    public boolean equals(@Nullable Object o) {
        return o == this
                || (o instanceof Positions other
                        && kind == other.kind
                        && name.equals(other.name)
                        && numbers.equals(other.numbers)
                        && Objects.equals(condition, other.condition));
    }

    @Override
    public int hashCode() {
        return Objects.hash(kind, name, numbers);
    }

    /** The text form. */
    @Override
    public String toString() {
        return kind.text + name + numbers.stream().map(String::valueOf).collect(Collectors.joining(","));
    }
}
