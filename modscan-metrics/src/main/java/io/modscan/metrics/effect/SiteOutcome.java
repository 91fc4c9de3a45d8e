package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import java.util.List;

/** The pooled vector of one site. */
class SiteOutcome implements Outcome {

    private final String name;
    private final Sense sense;
    private final SiteSelector site;
    private final Pooling pooling;

    SiteOutcome(String name, Sense sense, SiteSelector site, Pooling pooling) {
        this.name = name;
        this.sense = sense;
        this.site = site;
        this.pooling = pooling;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Sense sense() {
        return sense;
    }

    @Override
    public List<Selection> reads() {
        return List.of(new Selection(site, pooling));
    }

    @Override
    public float[] of(Activations activations, int row, Prompt prompt) {
        return activations.onlySite().vector(row);
    }

    @Override
    public String toString() {
        return "Outcome[" + name + "]";
    }
}
