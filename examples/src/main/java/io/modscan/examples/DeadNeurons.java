package io.modscan.examples;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A metric of one's own: how many units of each site stay dark on every prompt. It sees pieces, merges, and so runs on
 * whatever the library's own metrics run on. Run as a program, it counts the demo model's dead neurons.
 */
final class DeadNeurons {

    private DeadNeurons() {}

    static Metric<Map<Site, Integer>> metric() {
        return Metric.of(LinkedHashMap::new, DeadNeurons::add, DeadNeurons::merge, DeadNeurons::dead);
    }

    /** Remembers the units that light up in a piece. */
    private static void add(Map<Site, BitSet> lit, Activations piece) {
        for (SiteActivations site : piece.sites()) {
            BitSet units = lit.computeIfAbsent(site.site(), s -> new BitSet());
            for (int prompt = 0; prompt < site.size(); prompt++) {
                float[] vector = site.vector(prompt);
                for (int unit = 0; unit < vector.length; unit++) {
                    if (vector[unit] != 0) {
                        units.set(unit);
                    }
                }
            }
        }
    }

    private static void merge(Map<Site, BitSet> lit, Map<Site, BitSet> other) {
        other.forEach(
                (site, units) -> lit.computeIfAbsent(site, s -> new BitSet()).or(units));
    }

    private static Map<Site, Integer> dead(Map<Site, BitSet> lit) {
        Map<Site, Integer> dead = new LinkedHashMap<>();
        lit.forEach((site, units) -> dead.put(site, site.width() - units.cardinality()));
        return dead;
    }

    /**
     * Prints the number of dead neurons of each layer.
     *
     * @param args none
     */
    public static void main(String[] args) {
        try (Probe probe = Probe.builder(DemoModel.open())
                .sites(Sites.mlpPost())
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            probe.measure(DemoModel.prompts(), metric())
                    .forEach((site, dead) -> System.out.println(site + ": " + dead + " dead"));
        }
    }
}
