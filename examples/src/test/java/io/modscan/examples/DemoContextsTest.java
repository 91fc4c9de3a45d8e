package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.contexts.TopContexts;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Top contexts of the demo, gathered in one pass over a stream, equal a full sort of all its tokens. */
class DemoContextsTest {

    private static final int MOST = 5;

    private record Found(String prompt, int position, float value) {}

    @Test
    void areThoseOfAFullSort() {
        try (Probe probe = Probe.builder(DemoModel.open())
                .sites(Sites.z().magnitude(), Sites.mlpPost().inLayers(2))
                .pooling(Pooling.none())
                .build()) {
            Activations all = probe.capture(DemoModel.prompts());
            ContextMap contexts = probe.measure(DemoModel.prompts(), TopContexts.of(MOST));
            assertThat(contexts.size()).isEqualTo(48 + 1024);
            contexts.units().forEach(unit -> {
                List<Found> sorted = new ArrayList<>();
                for (int prompt = 0; prompt < all.prompts().size(); prompt++) {
                    int first = all.beginsWithBos(prompt) ? 1 : 0;
                    int width = unit.unit().site().width();
                    var row = all.at(unit.unit().site()).row(prompt);
                    for (int token = first; token < all.tokens(prompt).size(); token++) {
                        sorted.add(new Found(
                                all.prompts().get(prompt).id(),
                                token,
                                row.get(token * width + unit.unit().inSite())));
                    }
                }
                sorted.sort(Comparator.<Found>comparingDouble(found -> -found.value())
                        .thenComparing(Found::prompt)
                        .thenComparing(Found::position));
                Set<String> seen = new HashSet<>();
                List<Found> expected = sorted.stream()
                        .filter(found -> seen.add(found.prompt()))
                        .limit(MOST)
                        .toList();
                assertThat(unit.top().stream()
                                .map(context -> new Found(context.promptId(), context.position(), context.value()))
                                .toList())
                        .as(unit.unit().toString())
                        .usingRecursiveComparison()
                        .isEqualTo(expected);
            });
        }
    }
}
