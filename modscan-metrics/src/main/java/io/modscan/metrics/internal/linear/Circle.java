package io.modscan.metrics.internal.linear;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;

/** Coordinates are uncorrelated over the prompts that they were fitted to, whatever the layer does. */
public final class Circle {

    private Circle() {}

    /**
     * Refuses prompts of the fit, to what measures how coordinates go together.
     *
     * @throws ModscanException if the coordinates of a site were fitted to any of the prompts
     */
    public static void refuse(Activations activations) {
        for (SiteActivations site : activations.sites()) {
            int inFit = site.inFit();
            if (inFit > 0) {
                throw new ModscanException(
                        "the coordinates of '" + site.site() + "' were fitted to " + inFit + " of the "
                                + site.size()
                                + " prompts that are measured, over which they are uncorrelated by construction; fit the"
                                + " basis to other prompts, such as by Basis.heldOut(Basis.Kind.CENTRED, activations), which gives one"
                                + " half of the prompts in a basis of the other");
            }
        }
    }
}
