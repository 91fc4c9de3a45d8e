package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Sums over a site's vectors, gathered piece by piece. */
abstract class VectorSums {

    private @Nullable Site site;
    /** How many vectors are in the sums. */
    long count;
    /** How many are not. */
    long leftOut;

    final void add(Activations piece) {
        SiteActivations one = piece.onlySite();
        begin(one.site());
        Samples.forEach(one, this::take);
    }

    /** Makes room for the vectors of a site, if there is none yet. */
    final void begin(Site of) {
        if (site == null) {
            site = of;
            makeRoom(of.width());
        }
    }

    final Site site() {
        return Objects.requireNonNull(site);
    }

    /** Makes room for vectors of so many coordinates. */
    abstract void makeRoom(int width);

    /** Takes a vector in, or counts it as left out. */
    abstract void take(float[] values, int from);
}
