package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.attention.HeadReach;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.onnx.opt.OptModel;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How far the heads of the demo's model reach. */
class DemoReachTest {

    private static final OptModel MODEL = DemoModel.open();

    @TempDir
    private Path folder;

    /** Two of each topic. */
    private static Prompts some() {
        Map<String, Integer> seen = new TreeMap<>();
        return DemoModel.prompts()
                .filter(prompt -> seen.merge(String.valueOf(prompt.labels().get("topic")), 1, Integer::sum) <= 2);
    }

    private static Probe.Builder edges() {
        return Probe.builder(MODEL).sites(Sites.pattern().attribution());
    }

    /** What a head hands on is made of its edges, so by the chain rule both have the same attribution. */
    @Test
    void theEffectIsTheAttributionOfWhatTheHeadHandsOn() {
        Activations reach;
        Activations z;
        try (Probe probe = edges().build();
                Probe outputs = Probe.builder(MODEL)
                        .sites(Sites.z().attribution())
                        .pooling(Pooling.sum())
                        .build()) {
            reach = HeadReach.view().apply(probe.capture(some()));
            z = outputs.capture(some());
        }
        int larger = 0;
        for (Site site : z.sites().stream().map(one -> one.site()).toList()) {
            for (int prompt = 0; prompt < z.prompts().size(); prompt++) {
                float[] heads = z.at(site).vector(prompt);
                float[] numbers = reach.at(site.name().replace("hook_z", "hook_pattern") + ".reach")
                        .vector(prompt);
                assertThat(numbers).hasSize(7 * heads.length);
                for (int head = 0; head < heads.length; head++) {
                    double mass = numbers[7 * head + HeadReach.MASS.index()];
                    assertThat((double) numbers[7 * head + HeadReach.EFFECT.index()])
                            .as("%s, head %d, prompt %d", site, head, prompt)
                            .isCloseTo(heads[head], within(1e-5 * mass));
                    larger += Math.abs(heads[head]) > 0.01 * mass ? 1 : 0;
                }
            }
        }
        assertThat(larger).isGreaterThan(500);
    }

    @Test
    void aRecordingTellsWhatTheModelTells() {
        Path file = folder.resolve("edges.safetensors");
        Selectivity metric = Selectivity.by("topic");
        SelectivityMap live;
        try (Probe probe = edges().build()) {
            live = probe.measure(some(), metric.through(HeadReach.relative()));
            probe.capture(some(), file);
        }
        Recording recording = Recording.open(file);
        SelectivityMap recorded;
        try (Probe probe =
                Probe.builder(recording).sites(Sites.pattern().attribution()).build()) {
            recorded = probe.measure(recording.prompts(), metric.through(HeadReach.relative()));
        }
        assertThat(recorded.rows().map(Object::toString))
                .hasSize(48 * 7 * 10)
                .containsExactlyElementsOf(live.rows().map(Object::toString).toList());
    }
}
