package io.modscan.core.site;

/**
 * One axis of a site's tensor; the batch axis, which comes before all others, is not counted.
 *
 * @param role what runs along it
 * @param size its length, or 0 if it is as long as the sequence
 */
public record Axis(Role role, int size) {

    /** The axis of token positions. */
    public static final Axis POSITION = new Axis(Role.POSITION, 0);

    /** The axis of the positions that attend. */
    public static final Axis QUERY = new Axis(Role.QUERY, 0);

    /** The axis of the positions attended to. */
    public static final Axis KEY = new Axis(Role.KEY, 0);

    /** What runs along an axis, in the order in which a site's axes come. */
    public enum Role {
        /** Token positions. */
        POSITION,
        /** Attention heads. */
        HEAD,
        /** Positions that attend. */
        QUERY,
        /** Positions attended to. */
        KEY,
        /** Neurons, dimensions of a head or of the residual stream, or entries of the vocabulary; in foreign models also channels, rows and so on. */
        UNIT
    }

    /**
     * Checks the size.
     *
     * @param role see above
     * @param size see above
     * @throws IllegalArgumentException if an axis of heads or units has no positive size, or another has one
     */
    public Axis {
        boolean sized = role == Role.HEAD || role == Role.UNIT;
        if (sized ? size <= 0 : size != 0) {
            throw new IllegalArgumentException("an axis of role " + role + " cannot have the size " + size);
        }
    }

    /**
     * An axis of attention heads.
     *
     * @param count how many, at least 1
     * @return the axis
     */
    public static Axis heads(int count) {
        return new Axis(Role.HEAD, count);
    }

    /**
     * An axis of units.
     *
     * @param count how many, at least 1
     * @return the axis
     */
    public static Axis units(int count) {
        return new Axis(Role.UNIT, count);
    }
}
