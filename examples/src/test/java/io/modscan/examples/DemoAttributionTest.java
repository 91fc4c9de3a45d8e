package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.effect.Ablation;
import io.modscan.metrics.effect.Attribution;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.effect.UnitEffect;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What gradients estimate of the demo's heads and neurons, beside what switching them off does. */
class DemoAttributionTest {

    private static final Model MODEL = DemoModel.open();

    /** One of each topic. */
    private static final Prompts PROMPTS = some();

    private static Prompts some() {
        Map<String, Integer> seen = new TreeMap<>();
        return DemoModel.prompts()
                .filter(prompt -> seen.merge(String.valueOf(prompt.labels().get("topic")), 1, Integer::sum) <= 1);
    }

    private static List<Site> sites(String hook) {
        return MODEL.sites().stream().filter(site -> site.hook().equals(hook)).toList();
    }

    @Test
    void neuronsAreInTheOrderOfTheirExactEffects() {
        Random random = new Random(7);
        List<Unit> neurons = sites("hook_post").stream()
                .flatMap(
                        site -> random.ints(0, site.units()).distinct().limit(6).mapToObj(unit -> Unit.of(site, unit)))
                .toList();
        EffectMap exact = Ablation.of(MODEL).units(neurons).by("topic").run(PROMPTS);
        EffectMap estimated = estimated(Attribution.of(MODEL).sites(Sites.mlpPost()), Target.each(neurons));
        double correlation = exact.rankCorrelation(estimated, UnitEffect::effect);
        assertThat(correlation).as("over 36 neurons and ten topics").isGreaterThan(0.9);
    }

    @Test
    void headsAreInTheOrderOfTheirExactEffectsWhereStepsAreTaken() {
        List<Target> heads = Target.heads(sites("hook_z"));
        EffectMap exact = Ablation.of(MODEL).targets(heads).by("topic").run(PROMPTS);
        Attribution study = Attribution.of(MODEL).sites(Sites.z());
        double straight = exact.rankCorrelation(estimated(study, heads), UnitEffect::effect);
        double bent = exact.rankCorrelation(estimated(study.steps(4), heads), UnitEffect::effect);
        assertThat(bent).as("over 48 heads and ten topics, with steps").isGreaterThan(0.85);
        assertThat(bent)
                .as("heads are large, so that a straight line goes wrong")
                .isGreaterThan(straight + 0.2);
    }

    /** The heads of a layer go to their means together, so that what is told of them adds up to what that does. */
    @Test
    void attributionsOfALayerAddUpToWhatReplacingItDoes() {
        Site z = sites("hook_z").get(3);
        List<Unit> heads = IntStream.range(0, z.heads())
                .mapToObj(head -> Unit.of(z.magnitude(), head))
                .toList();
        List<Target> layer = List.of(new Target("layer", heads));
        float[] exact =
                Ablation.of(MODEL).targets(layer).by("topic").run(PROMPTS).effects("layer");
        Attribution study = Attribution.of(MODEL).sites(Sites.z().inLayers(3));
        float[] whole = estimated(study.steps(8), layer).effects("layer");
        List<Double> apart = new ArrayList<>();
        for (int prompt = 0; prompt < exact.length; prompt++) {
            apart.add(Math.abs((double) whole[prompt] - exact[prompt]));
        }
        double largest = IntStream.range(0, exact.length)
                .mapToDouble(i -> Math.abs(exact[i]))
                .max()
                .orElseThrow();
        assertThat(apart.stream().mapToDouble(Double::doubleValue).max().orElseThrow())
                .as("of a largest effect of %s", largest)
                .isCloseTo(0, within(0.02 * largest));
    }

    private static EffectMap estimated(Attribution study, List<Target> targets) {
        Activations used = study.run(PROMPTS);
        return EffectMap.estimated(used, "topic", targets);
    }
}
