package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Views that replace one site and leave the others alone. */
final class SiteViews {

    private SiteViews() {}

    /**
     * The activations with one site replaced.
     *
     * @param what names in messages what was made for that site
     */
    static Activations replace(
            Activations activations, String what, Site site, UnaryOperator<SiteActivations> replacement) {
        List<Site> sites =
                activations.sites().stream().map(SiteActivations::site).toList();
        if (!sites.contains(site)) {
            String others = sites.stream()
                    .filter(other -> other.name().equals(site.name()))
                    .findFirst()
                    .map(other -> "here that site has the axes " + other.axes() + ", not " + site.axes())
                    .orElse("here there are " + sites);
            throw new ModscanException(what + " is of '" + site + "'; " + others);
        }
        return activations.map(one -> one.site().equals(site) ? replacement.apply(one) : one);
    }

    /** A site with the same axes under another name. */
    static Site renamed(Site site, String suffix) {
        return new Site(site.name() + suffix, site.layer(), site.axes(), true);
    }

    /** A site at the same positions with other coordinates, without heads. */
    static Site withUnits(Site site, String suffix, int units) {
        List<Axis> axes = new ArrayList<>();
        if (site.hasPositions()) {
            axes.add(Axis.POSITION);
        }
        axes.add(Axis.units(units));
        return new Site(site.name() + suffix, site.layer(), axes, true);
    }
}
