package io.modscan.metrics;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.CapturePlan.Reading;
import java.util.List;

/** Reads activations as one vector a prompt, and refuses what has none. */
final class PromptVectors {

    private PromptVectors() {}

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

    /** What was read, once it is sure that it has one vector a prompt. */
    static Reading reading(SiteActivations site) {
        boolean onePerPrompt =
                site.pooling().isPooled() || site.site().axes().stream().allMatch(axis -> axis.size() > 0);
        if (!onePerPrompt && site.site().hasPositions()) {
            throw new ModscanException(site.site() + " was captured with every position kept, and this metric takes one"
                    + " vector a prompt: capture it with a pooling such as Pooling.mean()");
        }
        if (!onePerPrompt) {
            throw new ModscanException(
                    site.site() + " has a value for each pair of positions, and this metric takes one"
                            + " vector a prompt: measure other sites, with activations.at(site).measure(metric)");
        }
        return new Reading(site.site(), site.pooling());
    }

    /** A copy of a prompt's values; of a site that {@link #reading} has let pass. */
    static float[] get(SiteActivations site, int prompt) {
        // Not SiteActivations.vector, which refuses sites that never had positions.
        float[] vector = new float[site.site().width()];
        site.row(prompt).get(vector);
        return vector;
    }

    /** Sees to it that a further piece is of what the pieces before it were of. */
    static void checkSame(List<Reading> before, List<Reading> now) {
        if (!before.equals(now)) {
            throw new ModscanException("all pieces of a measurement are of the same sites and poolings; before came "
                    + before + ", now " + now);
        }
    }

    static ModscanException nothingAdded() {
        return new ModscanException("there is no result before any activations were added");
    }
}
