package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Curve;
import io.modscan.metrics.effect.Curve.Point;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Effects that were put there: head h of each layer is needed by the label h, and all heads a little by all. */
final class PlantedEffects {

    static final double EFFECT = 0.5;

    private PlantedEffects() {}

    static EffectMap heads(Activations units) {
        List<Site> sites = units.sites().stream()
                .map(each -> each.site())
                .filter(site -> site.heads() > 0)
                .toList();
        return of(units, Target.heads(sites));
    }

    /** The same effects of heads, and others of neurons, as if gradients had told them: what they start from is not known. */
    static EffectMap estimated(Activations units, Outcome.Sense sense) {
        List<Target> targets = new ArrayList<>(Target.heads(units.sites().stream()
                .map(each -> each.site())
                .filter(site -> site.heads() > 0)
                .toList()));
        units.sites().stream()
                .map(each -> each.site())
                .filter(site -> site.heads() == 0)
                .forEach(site -> targets.addAll(Target.each(IntStream.range(0, site.width())
                        .mapToObj(unit -> Unit.of(site, unit))
                        .toList())));
        EffectMap planted = of(units, targets);
        float[][] effects = new float[targets.size()][];
        for (int target = 0; target < effects.length; target++) {
            effects[target] = planted.effects(targets.get(target).name());
            for (int prompt = 0; prompt < effects[target].length; prompt++) {
                effects[target][prompt] = (float) sense.harm(effects[target][prompt]);
            }
        }
        float[] unknown = new float[units.prompts().size()];
        Arrays.fill(unknown, Float.NaN);
        return EffectMap.of(
                "loss (nats a token), estimated",
                sense,
                targets,
                units.prompts().stream().map(Prompt::id).toList(),
                units.prompts().labels("topic"),
                unknown,
                effects);
    }

    static EffectMap modules(Activations units) {
        Site site = units.sites().get(1).site();
        return of(
                units,
                IntStream.range(0, 3)
                        .mapToObj(module -> new Target(
                                "module " + module + " (" + Planted.SCRIPT + ")",
                                List.of(Unit.of(site, module), Unit.of(site, module + 10))))
                        .toList());
    }

    private static EffectMap of(Activations units, List<Target> targets) {
        Random random = new Random(4);
        List<String> labels = units.prompts().labels("topic");
        float[][] effects = new float[targets.size()][labels.size()];
        for (int target = 0; target < effects.length; target++) {
            for (int prompt = 0; prompt < labels.size(); prompt++) {
                boolean own = labels.get(prompt).equals(Planted.LABELS.get(target % Planted.LABELS.size()));
                effects[target][prompt] = (float) ((own ? EFFECT : 0.02) + 0.05 * random.nextGaussian());
            }
        }
        float[] untouched = new float[labels.size()];
        for (int prompt = 0; prompt < untouched.length; prompt++) {
            untouched[prompt] = 3 + random.nextFloat();
        }
        return EffectMap.of(
                "loss (nats a token)",
                targets,
                units.prompts().stream().map(Prompt::id).toList(),
                labels,
                untouched,
                effects);
    }

    static List<Curve> curves() {
        List<Curve> curves = new ArrayList<>();
        for (String ranking : List.of("selectivity for " + Planted.SCRIPT, "random")) {
            for (String label : Planted.LABELS) {
                boolean own = ranking.endsWith(" for " + label);
                curves.add(new Curve(
                        ranking,
                        label,
                        false,
                        3,
                        6,
                        List.of(
                                new Point(0.01, 1, own ? 3.5 : 3.1, 3, 4),
                                new Point(0.1, 10, own ? 5.25 : 3.2, 3, 6),
                                new Point(0.5, 50, 5.5, 5, 6))));
            }
        }
        return curves;
    }
}
