package io.modscan.metrics.connections;

import io.modscan.core.site.Unit;
import java.util.Locale;

/**
 * What one unit's writing has to do with another's reading. {@link Connections} tells how both numbers come about.
 *
 * @param from     the unit that writes to the residual stream
 * @param to       the unit behind it that reads from there
 * @param cosine   of the directions that are written and read, in [−1, 1]: negative if the one's writing takes the other down; 0
 *                 if one of them has no direction
 * @param strength the cosine's size, less for a unit that is faint, in [0, 1]
 */
public record Connection(Unit from, Unit to, double cosine, double strength) {

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%s to %s: cosine %.3f, strength %.3f", from, to, cosine, strength);
    }
}
