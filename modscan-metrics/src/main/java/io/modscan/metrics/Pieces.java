package io.modscan.metrics;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan.Reading;
import java.util.List;

/** What the pieces of a measurement are of: the same sites in the same pooling, with one vector a prompt. */
final class Pieces {

    private List<Reading> readings = List.of();

    /** The one site of a piece. */
    static SiteActivations onlySite(Activations piece) {
        List<SiteActivations> sites = piece.sites();
        if (sites.size() != 1) {
            throw new ModscanException("this metric takes one site and was given " + sites.size() + ", "
                    + sites.stream().map(SiteActivations::site).toList() + ": measure one with activations.at(\""
                    + sites.get(0).site() + "\").measure(metric), or each by itself with metric.perSite()");
        }
        return sites.get(0);
    }

    /** Sees to it that a further piece is of what the pieces before it were of. */
    void accept(List<SiteActivations> sites) {
        sites.forEach(Pieces::checkOnePerPrompt);
        checkSame(sites.stream().map(SiteActivations::reading).toList());
    }

    /** The same for what another accumulator has gathered; says whether that is anything. */
    boolean accept(Pieces other) {
        if (other.readings.isEmpty()) {
            return false;
        }
        checkSame(other.readings);
        return true;
    }

    private void checkSame(List<Reading> now) {
        if (!readings.isEmpty() && !readings.equals(now)) {
            throw new ModscanException("all pieces of a measurement are of the same sites and poolings; before came "
                    + readings + ", now " + now);
        }
        readings = now;
    }

    private static void checkOnePerPrompt(SiteActivations site) {
        if (site.pooling().isPooled()) {
            return;
        }
        if (site.site().hasPositions()) {
            throw new ModscanException(site.site() + " was captured with every position kept, and this metric takes one"
                    + " vector a prompt: capture it with a pooling such as Pooling.mean()");
        }
        if (site.site().axes().contains(Axis.QUERY)) {
            throw new ModscanException(
                    site.site() + " has a value for each pair of positions, and this metric takes one"
                            + " vector a prompt: measure other sites, with activations.at(site).measure(metric)");
        }
    }

    /** The readings, once there are any. */
    List<Reading> readings() {
        if (readings.isEmpty()) {
            throw new ModscanException("there is no result before any activations were added");
        }
        return readings;
    }
}
