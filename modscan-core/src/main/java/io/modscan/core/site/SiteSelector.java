package io.modscan.core.site;

/**
 * Says which sites a capture reads. {@link Sites} is the catalogue; a lambda is a selector too.
 *
 * <p>A selector either <em>names</em> a site or sweeps it in. What is swept in is left out where it does not fit: sites
 * {@linkplain Site#onDemand() on demand}, and attention scores and patterns when the capture pools. What is named and
 * does not fit is an error.
 */
@FunctionalInterface
public interface SiteSelector {

    /**
     * Whether a site is meant.
     *
     * @param site one of the model's sites
     * @return whether it is to be read
     */
    boolean selects(Site site);

    /**
     * Whether a site that this selects is meant as such, rather than swept in with others.
     *
     * @param site a site for which {@link #selects} holds
     * @return false unless the selector says otherwise
     */
    default boolean names(Site site) {
        return false;
    }

    /**
     * What is read of a site that this selects.
     *
     * @param site a site for which {@link #selects} holds
     * @return the site itself unless the selector says otherwise; one that is derived from it is named, not swept in
     */
    default Site of(Site site) {
        return site;
    }

    /**
     * Whether what a site holds is what this reads, as may be asked of sites that were captured: of a neuron's attributions and the neuron itself, a
     * selector of attributions {@linkplain #selects selects} both, since it reads the one {@linkplain #of of} the other.
     *
     * @param site one of the captured sites
     * @return whether it is selected as it is
     */
    default boolean reads(Site site) {
        return selects(site) && of(site).equals(site);
    }

    /**
     * The same selection in some layers only.
     *
     * @param layers the layers, from 0
     * @return a selector of the sites that this selects in those layers
     */
    default SiteSelector inLayers(int... layers) {
        return Sites.inLayers(this, layers);
    }

    /**
     * The magnitudes of what this selects: the L2 norm over each head's (or the whole site's) units.
     *
     * @return a selector of {@link Site#magnitude()} of the sites that this selects
     */
    default SiteSelector magnitude() {
        return Sites.magnitudeOf(this);
    }

    /**
     * Some units of what this selects, such as the logits of a few tokens.
     *
     * @param units indices along each site's axis of units
     * @return a selector of {@link Site#pick} of the sites that this selects
     */
    default SiteSelector picking(int... units) {
        return Sites.picked(this, units);
    }

    /**
     * The gradients of what this selects.
     *
     * @return a selector of {@link Site#gradient()} of the sites that this selects
     */
    default SiteSelector gradient() {
        return Sites.backward(this, ".gradient");
    }

    /**
     * The attributions of what this selects.
     *
     * @return a selector of {@link Site#attribution()} of the sites that this selects
     */
    default SiteSelector attribution() {
        return Sites.backward(this, ".attribution");
    }
}
