package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.Selectivity;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Modules of the demo model's neurons and their components. */
class DemoModulesTest {

    private static final int NEURONS = 1024;

    private final Prompts prompts = DemoModel.prompts();
    private final Modules modules = Modules.byCoActivation().absolute().withShuffles(0);

    private Activations neurons(int... layers) {
        SafetensorsFile pooled =
                SafetensorsFile.open(ReferenceActivations.resource("demo").resolve("pooled.safetensors"));
        Activations.Builder all = Activations.builder(prompts);
        for (int layer : layers) {
            String name = "blocks." + layer + ".mlp.hook_post";
            FloatBuffer values = pooled.map(name + ".mean").asFloatBuffer();
            float[][] rows = new float[prompts.size()][NEURONS];
            for (int i = 0; i < rows.length; i++) {
                values.get(i * NEURONS, rows[i]);
            }
            all.site(
                    new Site(name, OptionalInt.of(layer), List.of(Axis.POSITION, Axis.units(NEURONS)), false),
                    Pooling.mean(),
                    rows);
        }
        return all.build();
    }

    @Test
    void componentsAreMeasuredOnOtherPromptsThanTheirFit() {
        Activations layer = neurons(2);
        Activations even = layer.where(prompt -> Integer.parseInt(prompt.id()) % 2 == 0);
        Activations odd = layer.where(prompt -> Integer.parseInt(prompt.id()) % 2 == 1);
        for (Basis.Kind kind : List.of(Basis.Kind.UNCENTRED, Basis.Kind.CENTRED)) {
            assertThatThrownBy(() -> layer.measure(modules.through(layer.measure(Basis.fit(kind)))))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("were fitted to 100 of the 100 prompts");
            assertThat(odd.measure(modules.through(even.measure(Basis.fit(kind))))
                            .modules())
                    .isNotEmpty();
        }
    }

    @Test
    void aNameHoldsForAtLeastHalfOfTheMembersAndIsALine() {
        Activations components = Basis.heldOut(Basis.Kind.CENTRED, neurons(0, 1, 2, 3, 4, 5));
        List<ModuleTopics> topics =
                components.measure(modules).topics(components.measure(Selectivity.by("topic")), Criterion.standard());
        assertThat(topics)
                .anyMatch(module -> module.topic().isPresent())
                .anyMatch(module -> module.topic().isEmpty());
        assertThat(topics)
                .flatExtracting(module -> module.topicShare().stream().toList())
                .allSatisfy(share -> {
                    assertThat(share.share()).isGreaterThanOrEqualTo(0.5).isGreaterThan(share.base());
                    assertThat(share.q()).isLessThanOrEqualTo(0.05);
                });
        assertThat(topics).allSatisfy(module -> assertThat(module.toString()).hasSizeLessThan(120));
    }
}
