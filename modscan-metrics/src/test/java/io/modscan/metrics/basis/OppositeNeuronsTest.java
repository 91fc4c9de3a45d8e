package io.modscan.metrics.basis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Two neurons carry one feature with opposite signs, and a unit downstream reads both with the same positive weight. Neuron by neuron
 * that looks like two features and two strong connections; in truth it is one feature, and the unit hardly hears of it.
 */
class OppositeNeuronsTest {

    private static final int PROMPTS = 60;
    private static final int PLUS = 2;
    private static final int MINUS = 5;
    private static final int NEURONS = 8;
    private static final float WEIGHT = 0.8f;

    private static final Site SITE = PlantedModel.units("blocks.0.mlp.hook_post", NEURONS);

    private final float[] downstream = {0.05f, -0.1f, WEIGHT, 0.1f, 0.02f, WEIGHT, -0.07f, 0.04f};
    private final Activations activations = planted(new Random(1));

    /** The feature is the topic of cooking, plus what varies within a topic; every neuron has noise of its own. */
    private static Activations planted(Random random) {
        List<String> topics = new ArrayList<>();
        float[][] neurons = new float[PROMPTS][NEURONS];
        for (int i = 0; i < PROMPTS; i++) {
            String topic = List.of("cooking", "law", "sports").get(i % 3);
            topics.add(topic);
            double feature = (topic.equals("cooking") ? 2 : 0) + 0.5 * random.nextGaussian();
            for (int j = 0; j < NEURONS; j++) {
                double sign = j == PLUS ? 1 : j == MINUS ? -1 : 0;
                neurons[i][j] = (float) (sign * feature + 0.1 * (j + 1) / NEURONS * random.nextGaussian());
            }
        }
        return new PlantedModel().with(SITE, neurons).capture(topics);
    }

    private static List<Integer> selective(SelectivityMap map) {
        return map.rows()
                .filter(row -> row.label().equals("cooking") && row.q() <= 0.05)
                .map(row -> row.unit().unit().orElseThrow())
                .toList();
    }

    @Test
    void neuronByNeuronThereAreTwoSelectiveUnitsAndTwoStrongConnections() {
        assertThat(selective(activations.measure(Selectivity.by("topic")))).containsExactly(PLUS, MINUS);
        assertThat(downstream[PLUS]).isEqualTo(WEIGHT);
        assertThat(downstream[MINUS]).isEqualTo(WEIGHT);
    }

    @Test
    void inTheBasisThereIsOneFeatureAndHardlyAConnection() {
        Basis basis = activations.measure(Basis.uncentred());

        assertThat(selective(activations.measure(Selectivity.by("topic").through(basis))))
                .containsExactly(0);
        // Both neurons have the same share of it, with opposite signs.
        assertThat(basis.component(0)[PLUS] * basis.component(0)[MINUS]).isCloseTo(-0.5, within(0.01));
        assertThat(basis.explainedShare(1)).isGreaterThan(0.98);

        float[] weights = basis.readWeights(new float[][] {downstream})[0];
        assertThat(weights[0]).isCloseTo(0, within(0.03f));
    }

    @Test
    void theUnitDownstreamReadsTheSameInEitherCoordinates() {
        Basis basis = activations.measure(Basis.uncentred());
        float[] weights = basis.readWeights(new float[][] {downstream})[0];
        SiteActivations raw = activations.at(SITE);
        SiteActivations seen = basis.apply(activations).at(basis.projectedSite());
        for (int i = 0; i < PROMPTS; i++) {
            assertThat(dot(weights, seen.vector(i))).isCloseTo(dot(downstream, raw.vector(i)), within(1e-5));
        }
    }

    private static double dot(float[] a, float[] b) {
        double dot = 0;
        for (int i = 0; i < a.length; i++) {
            dot += (double) a[i] * b[i];
        }
        return dot;
    }
}
