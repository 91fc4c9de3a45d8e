package io.modscan.core.site;

import io.modscan.core.token.Positions;
import java.util.Locale;

/**
 * What becomes of the axis of positions: each position kept, or one value a prompt. Padding never counts.
 *
 * @param kind      how values are brought together
 * @param positions over which of the prompt's tokens, or, if there is no pooling, which of them are kept. A BOS token at the beginning is
 *                  often left out: in OPT its activations are outliers that can outweigh a short prompt's other tokens
 */
public record Pooling(Kind kind, Positions positions) {

    /** How the values at a prompt's positions become one. */
    public enum Kind {
        /** They don't: each position is kept. */
        NONE,
        /** The value at the last position. */
        LAST,
        /** The arithmetic mean over positions. */
        MEAN,
        /** The largest value over positions. */
        MAX,
        /** The sum over positions. */
        SUM
    }

    /**
     * No pooling.
     *
     * @return each position is kept, unless {@linkplain #over said otherwise}
     */
    public static Pooling none() {
        return new Pooling(Kind.NONE, Positions.all());
    }

    /**
     * The value at the last position.
     *
     * @return the pooling
     */
    public static Pooling last() {
        return new Pooling(Kind.LAST, Positions.all());
    }

    /**
     * The mean over all positions.
     *
     * @return the pooling, BOS counted in
     */
    public static Pooling mean() {
        return new Pooling(Kind.MEAN, Positions.all());
    }

    /**
     * The largest value over all positions.
     *
     * @return the pooling, BOS counted in
     */
    public static Pooling max() {
        return new Pooling(Kind.MAX, Positions.all());
    }

    /**
     * The sum over positions, as is meant where a thing is replaced at all of them: the pooling of attributions. Where no position counts, as in the loss of a single token, it is NaN, as the other poolings are.
     *
     * @return the pooling
     */
    public static Pooling sum() {
        return new Pooling(Kind.SUM, Positions.all());
    }

    /**
     * The same, leaving a BOS token at the beginning out.
     *
     * @return a pooling of the same kind
     */
    public Pooling withoutBos() {
        return over(Positions.withoutBos());
    }

    /**
     * The same over other positions: {@code Pooling.last().over(Positions.span("subject"))} is the last token of the subject, {@code
     * Pooling.none().over(Positions.last(3))} keeps a vector for each of the last three tokens.
     *
     * @param others which tokens count
     * @return a pooling of the same kind
     */
    public Pooling over(Positions others) {
        return new Pooling(kind, others);
    }

    /**
     * Whether positions are brought together at all.
     *
     * @return false for {@link #none()}
     */
    public boolean isPooled() {
        return kind != Kind.NONE;
    }

    @Override
    public String toString() {
        return kind.name().toLowerCase(Locale.ROOT)
                + (positions.isAll() ? "" : positions.isWithoutBos() ? " without BOS" : " over " + positions);
    }
}
