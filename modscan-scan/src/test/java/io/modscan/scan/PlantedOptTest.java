package io.modscan.scan;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import io.modscan.onnx.opt.OptModel;
import io.modscan.scan.PlantedOpt.Planted;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of a planted model is so: without statistics of effects, and so before them. */
class PlantedOptTest {

    private static final int PER_TOPIC = 30;
    private static final long SEED = 7;

    /** No loss of a planted model is far from 4 nats, and float32 has seven digits. */
    private static final double ROUNDING = 1e-5;

    @TempDir
    Path folder;

    private final PlantedOpt made = new PlantedOpt(SEED);
    private final Prompts prompts = PlantedTopics.prompts(PER_TOPIC, SEED);
    private OptModel model;
    private List<Planted> planted;

    @BeforeEach
    void load() {
        model = made.load(folder);
        planted = made.planted(model);
    }

    /** Causal or not, one can't tell from when it fires. */
    @Test
    void causalUnitsAndDecoysLightUpAlike() {
        SelectivityMap map;
        try (Probe probe = Probe.builder(model)
                .sites(Sites.mlpPost(), Sites.z().magnitude())
                .pooling(Pooling.mean())
                .build()) {
            map = probe.capture(prompts).measure(Selectivity.by("topic"));
        }
        assertThat(planted).hasSize(PlantedTopics.TOPICS * 6);
        for (Planted unit : planted) {
            UnitSelectivity row = map.get(unit.unit(), unit.topic());
            assertThat(row.q()).as(row.toString()).isLessThanOrEqualTo(0.05);
            assertThat(row.auroc()).as(row.toString()).isGreaterThan(0.9);
        }
    }

    /** Each unit's effect on each topic's mean loss when it is set to zero. */
    @Test
    void onlyCausalUnitsDoTheWork() {
        Intervention[] off = planted.stream()
                .map(unit -> Intervention.of(unit.unit().toString(), List.of(unit.unit()), Replacement.zero()))
                .toArray(Intervention[]::new);
        Activations untouched;
        Activations touched;
        try (Probe probe = Probe.builder(model)
                .sites(Sites.loss())
                .pooling(Pooling.mean())
                .changing(off)
                .build()) {
            untouched = probe.capture(prompts);
            touched = probe.capture(prompts.under(off));
        }
        for (int i = 0; i < off.length; i++) {
            Activations one = touched.slice(i * prompts.size(), (i + 1) * prompts.size());
            Planted unit = planted.get(i);
            for (String topic : PlantedTopics.NAMES) {
                double effect = loss(one, topic) - loss(untouched, topic);
                if (!unit.isCausal()) {
                    assertThat(Math.abs(effect)).as(unit + " on " + topic).isLessThan(ROUNDING);
                } else if (topic.equals(unit.topic())) {
                    assertThat(effect).as(unit.toString()).isGreaterThan(0.05);
                }
            }
        }
    }

    private static double loss(Activations losses, String topic) {
        Activations some = losses.where(prompt -> topic.equals(prompt.labels().get("topic")));
        double sum = 0;
        for (float[] loss : some.onlySite().vectors()) {
            sum += loss[0];
        }
        return sum / some.prompts().size();
    }
}
