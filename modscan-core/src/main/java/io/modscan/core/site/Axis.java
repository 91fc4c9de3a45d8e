package io.modscan.core.site;

import java.util.HashSet;
import java.util.List;

/**
 * One axis of a site's tensor; the batch axis, which comes before all others, is not counted.
 *
 * @param role  what runs along it
 * @param size  its length, or 0 if it is as long as the sequence
 * @param names what each unit is called, in their order; empty where they have no names, as neurons have none
 */
public record Axis(Role role, int size, List<String> names) {

    /** The axis of token positions. */
    public static final Axis POSITION = new Axis(Role.POSITION, 0, List.of());

    /** The axis of the positions that attend. */
    public static final Axis QUERY = new Axis(Role.QUERY, 0, List.of());

    /** The axis of the positions attended to. */
    public static final Axis KEY = new Axis(Role.KEY, 0, List.of());

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
     * Copies the names, and checks them and the size.
     *
     * @param role  see above
     * @param size  see above
     * @param names see above
     * @throws IllegalArgumentException if an axis of heads or units has no positive size, or another has one; or if there are
     *     names, and it is not an axis of units, or they are not one a unit, each another, and none blank
     */
    public Axis {
        names = List.copyOf(names);
        boolean sized = role == Role.HEAD || role == Role.UNIT;
        if (sized ? size <= 0 : size != 0) {
            throw new IllegalArgumentException("an axis of role " + role + " cannot have the size " + size);
        }
        boolean named = role == Role.UNIT
                && names.size() == size
                && new HashSet<>(names).size() == size
                && names.stream().noneMatch(String::isBlank);
        if (!names.isEmpty() && !named) {
            throw new IllegalArgumentException("an axis of role " + role + " and size " + size
                    + " cannot have the names " + names + "; units have one each, all different and not blank");
        }
    }

    /**
     * An axis of attention heads.
     *
     * @param count how many, at least 1
     * @return the axis
     */
    public static Axis heads(int count) {
        return new Axis(Role.HEAD, count, List.of());
    }

    /**
     * An axis of units.
     *
     * @param count how many, at least 1
     * @return the axis
     */
    public static Axis units(int count) {
        return new Axis(Role.UNIT, count, List.of());
    }

    /**
     * An axis of units that have names.
     *
     * @param names what each is called, in their order: at least one, all different and not blank
     * @return the axis
     * @throws IllegalArgumentException if the names are others
     */
    public static Axis units(List<String> names) {
        return new Axis(Role.UNIT, names.size(), names);
    }

    /**
     * The axis in words.
     *
     * @return role and size, and names where there are any
     */
    @Override
    public String toString() {
        return "Axis[role=" + role + ", size=" + size + (names.isEmpty() ? "" : ", names=" + names) + "]";
    }
}
