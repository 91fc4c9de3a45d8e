package io.modscan.examples;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A metric of one's own: how many units of each site stay dark on every prompt. It sees pieces, merges, and so runs on
 * whatever the library's own metrics run on. Run as a program, it counts the demo model's dead neurons.
 */
final class DeadNeurons implements Metric<Map<Site, Integer>> {

    @Override
    public Accumulator<Map<Site, Integer>> start() {
        return new Lit();
    }

    private static final class Lit implements Accumulator<Map<Site, Integer>> {
        private final Map<Site, BitSet> units = new LinkedHashMap<>();

        @Override
        public void add(Activations piece) {
            for (SiteActivations site : piece.sites()) {
                BitSet lit = units.computeIfAbsent(site.site(), s -> new BitSet());
                for (int prompt = 0; prompt < site.size(); prompt++) {
                    float[] vector = site.vector(prompt);
                    for (int unit = 0; unit < vector.length; unit++) {
                        if (vector[unit] != 0) {
                            lit.set(unit);
                        }
                    }
                }
            }
        }

        @Override
        public void merge(Accumulator<Map<Site, Integer>> other) {
            ((Lit) other)
                    .units.forEach((site, lit) ->
                            units.computeIfAbsent(site, s -> new BitSet()).or(lit));
        }

        @Override
        public Map<Site, Integer> finish() {
            Map<Site, Integer> dead = new LinkedHashMap<>();
            units.forEach((site, lit) -> dead.put(site, site.width() - lit.cardinality()));
            return dead;
        }
    }

    /**
     * Prints the number of dead neurons of each layer.
     *
     * @param args none
     */
    public static void main(String[] args) {
        try (Probe probe = Probe.builder(DemoModel.model())
                .sites(Sites.mlpPost())
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            probe.capture(DemoModel.prompts())
                    .measure(new DeadNeurons())
                    .forEach((site, dead) -> System.out.println(site + ": " + dead + " dead"));
        }
    }
}
