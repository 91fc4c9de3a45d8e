package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.connections.Connections;
import io.modscan.metrics.modules.ModuleComparison;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.Modules;
import io.modscan.onnx.opt.OptModel;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Modules of the demo model by its weights, between seeds and beside those by co-activation. The figures go to standard output. */
class DemoConnectionsTest {

    private final Modules coActivation =
            Modules.byCoActivation().absolute().withResolutions().withSplits(0).withShuffles(0);

    @Test
    void modulesByConnectionsBesideThoseByCoActivation() {
        OptModel model = DemoModel.open();
        Activations all;
        try (Probe probe = Probe.builder(model)
                .sites(Sites.z(), Sites.mlpPost())
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            all = probe.capture(DemoModel.prompts());
        }
        Activations even = all.where(prompt -> Integer.parseInt(prompt.id()) % 2 == 0);
        Activations odd = all.where(prompt -> Integer.parseInt(prompt.id()) % 2 == 1);

        Connections raw = Connections.of(model.weights()).withShuffles(0);
        ModuleMap byWeights = raw.modules();
        ModuleComparison betweenSeeds =
                ModuleComparison.of(byWeights, raw.withSeed(1).modules());
        print("by raw weights", byWeights);
        print("  another seed", betweenSeeds);
        print("  beside co-activation", ModuleComparison.of(byWeights, all.measure(coActivation)));

        List<Basis> bases = even.sites().stream()
                .map(site -> site.measure(Basis.uncentred()))
                .toList();
        Connections components = raw.among(even).in(bases);
        ModuleMap byComponents = components.modules();
        Activations ofOthers = odd;
        for (Basis basis : bases) {
            ofOthers = basis.apply(ofOthers);
        }
        print("in bases fitted to even prompts", byComponents);
        print(
                "  another seed",
                ModuleComparison.of(byComponents, components.withSeed(1).modules()));
        print(
                "  beside co-activation over odd prompts",
                ModuleComparison.of(byComponents, ofOthers.measure(coActivation)));

        // Small modules of few and weak links: with another seed some of them are in doubt, and none has other members.
        assertThat(betweenSeeds.all().adjustedRand()).isGreaterThan(0.85);
        assertThat(betweenSeeds.inModules().adjustedRand()).isGreaterThan(0.99);
    }

    private static void print(String what, ModuleMap map) {
        System.out.println(what + ": " + map.links() + " links, " + map);
    }

    private static void print(String what, ModuleComparison comparison) {
        System.out.println(what + ": all " + comparison.all() + "; in modules of both " + comparison.inModules());
    }
}
