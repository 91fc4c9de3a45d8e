package io.modscan.core.site;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * One coordinate of a site: what rows of results are about.
 *
 * @param site where the unit is
 * @param head the head that it belongs to, or is; empty at a site without heads
 * @param unit its index along the axis of units (of its head, where there are heads); empty at a site without that axis
 */
public record Unit(Site site, OptionalInt head, OptionalInt unit) {

    /**
     * Checks that the site has such a unit.
     *
     * @param site see above
     * @param head see above
     * @param unit see above
     * @throws IllegalArgumentException if the site has no such head or no such unit, or has some where none is named
     */
    public Unit {
        check(site, "head", site.heads(), head);
        check(site, "unit", site.units(), unit);
    }

    private static void check(Site site, String what, int size, OptionalInt index) {
        boolean fits =
                size == 0 ? index.isEmpty() : index.isPresent() && index.getAsInt() >= 0 && index.getAsInt() < size;
        if (!fits) {
            throw new IllegalArgumentException((size == 0
                            ? site + " has no " + what + "s"
                            : site + " has the " + what + "s 0 to " + (size - 1))
                    + ", so "
                    + (index.isPresent() ? "no " + what + " " + index.getAsInt() : "a " + what + " has to be named"));
        }
    }

    /**
     * The unit of an index among all of a site.
     *
     * @param site   the site
     * @param inSite head × units of a head + unit, from 0 and below the site's {@linkplain Site#width() width}
     * @return the unit
     * @throws IllegalArgumentException if the site has no such unit
     */
    public static Unit of(Site site, int inSite) {
        int heads = site.heads();
        int units = site.units();
        int ofHead = Math.max(1, units);
        int width = Math.max(1, heads) * ofHead;
        if (inSite < 0 || inSite >= width) {
            throw new IllegalArgumentException(
                    site + " has the units 0 to " + (width - 1) + " in all, so no unit " + inSite);
        }
        return new Unit(
                site,
                heads > 0 ? OptionalInt.of(inSite / ofHead) : OptionalInt.empty(),
                units > 0 ? OptionalInt.of(inSite % ofHead) : OptionalInt.empty());
    }

    /**
     * A unit of a head.
     *
     * @param site a site with heads and units
     * @param head the head
     * @param unit the index of the unit in the head
     * @return the unit
     * @throws IllegalArgumentException if the site has no such unit
     */
    public static Unit of(Site site, int head, int unit) {
        return new Unit(site, OptionalInt.of(head), OptionalInt.of(unit));
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
     * What the unit is called, as those are that a view has made of something else.
     *
     * @return its {@linkplain Site#unitName name}; empty where units have none, as neurons have
     */
    public Optional<String> name() {
        return unit.isPresent() ? site.unitName(unit.getAsInt()) : Optional.empty();
    }

    /**
     * The unit in words.
     *
     * @return the site, with head and unit where it has them; of a unit with a name, that
     */
    @Override
    public String toString() {
        StringBuilder words = new StringBuilder(site.name());
        head.ifPresent(h -> words.append(" head ").append(h));
        unit.ifPresent(u -> words.append(' ').append(name().orElse("unit " + u)));
        return words.toString();
    }
}
