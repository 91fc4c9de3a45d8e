package io.modscan.metrics.modules;

import java.util.OptionalInt;

/**
 * A unit that is linked to others, and yet in no module for certain: for it, or for the whole group that it is in, other places are
 * as good (its {@linkplain Member#certainty() certainty} is less than 0.8), or it does not follow the others of its group.
 *
 * @param member  the unit, with certainty and stability of the place that it has in the best partition
 * @param nearest the number of the module that it is nearest to, in {@link ModuleMap#modules()}; empty if the group that it is in
 *                is no module for certain
 */
public record BorderUnit(Member member, OptionalInt nearest) {

    /**
     * A line to read, numbers rounded.
     *
     * @return the unit, and which module is nearest
     */
    @Override
    public String toString() {
        return member + (nearest.isPresent() ? ", nearest to module " + nearest.getAsInt() : ", near no module");
    }
}
