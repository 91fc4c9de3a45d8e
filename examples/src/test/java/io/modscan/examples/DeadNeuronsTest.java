package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Metric;
import io.modscan.core.Probe;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DeadNeuronsTest {

    /** 136 is what was counted in Python when the model was made. */
    @Test
    void countsTheDemoModelsDeadNeuronsInOnePassAndMerged() {
        Activations activations;
        try (Probe probe = Probe.builder(DemoModel.open())
                .sites(Sites.mlpPost())
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            activations = probe.capture(DemoModel.prompts());
        }
        Map<Site, Integer> dead = activations.measure(DeadNeurons.metric());
        assertThat(dead).hasSize(6);
        assertThat(dead.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(136);

        Metric.Accumulator<Map<Site, Integer>> first = DeadNeurons.metric().start();
        Metric.Accumulator<Map<Site, Integer>> second = DeadNeurons.metric().start();
        first.add(activations.slice(0, 37));
        second.add(activations.slice(37, 100));
        first.merge(second);
        assertThat(first.finish()).isEqualTo(dead);
    }
}
