package io.modscan.core.site;

import java.util.OptionalInt;

/**
 * One coordinate of a site.
 *
 * @param site where the unit is
 * @param head the head that it belongs to, or is; empty at a site without heads
 * @param unit its index along the axis of units (of its head, where there are heads); empty at a site without that axis
 */
public record Unit(Site site, OptionalInt head, OptionalInt unit) {

    /**
     * The unit of an index among all of a site.
     *
     * @param site   the site
     * @param inSite head × units of a head + unit, from 0
     * @return the unit
     */
    public static Unit of(Site site, int inSite) {
        int units = Math.max(1, site.units());
        return new Unit(
                site,
                site.heads() > 0 ? OptionalInt.of(inSite / units) : OptionalInt.empty(),
                site.units() > 0 ? OptionalInt.of(inSite % units) : OptionalInt.empty());
    }

    /**
     * The index of the unit among all of its site.
     *
     * @return head × units of a head + unit, from 0
     */
    public int inSite() {
        return head.orElse(0) * Math.max(1, site.units()) + unit.orElse(0);
    }

    /**
     * The unit in words.
     *
     * @return the site, with head and unit where it has them
     */
    @Override
    public String toString() {
        StringBuilder words = new StringBuilder(site.name());
        head.ifPresent(h -> words.append(" head ").append(h));
        unit.ifPresent(u -> words.append(" unit ").append(u));
        return words.toString();
    }
}
