package io.modscan.core.site;

import java.util.Locale;

/**
 * What becomes of the axis of positions: each position kept, or one value a prompt. Padding never counts.
 *
 * @param kind    how values are brought together
 * @param isWithoutBos whether a BOS token at the beginning of a prompt is left out. In OPT its activations are outliers that
 *                can outweigh a short prompt's other tokens.
 */
public record Pooling(Kind kind, boolean isWithoutBos) {

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
     * Checks that there is something to leave BOS out of.
     *
     * @param kind    see above
     * @param isWithoutBos see above
     * @throws IllegalArgumentException if BOS is to be left out without pooling
     */
    public Pooling {
        if (kind == Kind.NONE && isWithoutBos) {
            throw new IllegalArgumentException(
                    "without pooling every position is kept, BOS too; leave it out when reading, or choose a pooling");
        }
    }

    /**
     * No pooling.
     *
     * @return each position is kept
     */
    public static Pooling none() {
        return new Pooling(Kind.NONE, false);
    }

    /**
     * The value at the last position.
     *
     * @return the pooling
     */
    public static Pooling last() {
        return new Pooling(Kind.LAST, false);
    }

    /**
     * The mean over all positions.
     *
     * @return the pooling, BOS counted in
     */
    public static Pooling mean() {
        return new Pooling(Kind.MEAN, false);
    }

    /**
     * The largest value over all positions.
     *
     * @return the pooling, BOS counted in
     */
    public static Pooling max() {
        return new Pooling(Kind.MAX, false);
    }

    /**
     * The sum over positions, as is meant where a thing is replaced at all of them: the pooling of attributions. Where no position counts, as in the loss of a single token, it is NaN, as the other poolings are.
     *
     * @return the pooling
     */
    public static Pooling sum() {
        return new Pooling(Kind.SUM, false);
    }

    /**
     * The same, leaving a BOS token at the beginning out.
     *
     * @return a pooling of the same kind
     * @throws IllegalArgumentException if there is no pooling
     */
    public Pooling withoutBos() {
        return new Pooling(kind, true);
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
        return kind.name().toLowerCase(Locale.ROOT) + (isWithoutBos ? " without BOS" : "");
    }
}
