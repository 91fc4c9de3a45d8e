package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Effects as attributions estimate them: of each unit its own, of several their sum. */
final class EstimatedEffects {

    private static final String OBJECTIVE = "modscan.objective";

    private EstimatedEffects() {}

    /** Each head and each unit of which there are attributions, alone. */
    static List<Target> each(Activations attributions) {
        List<Target> each = new ArrayList<>();
        for (SiteActivations site : attributed(attributions)) {
            Site of = site.site().forward();
            Site units = of.heads() > 0 ? of.magnitude() : of;
            for (int unit = 0; unit < site.site().width(); unit++) {
                each.add(Target.of(Unit.of(units, unit)));
            }
        }
        return each;
    }

    private static List<SiteActivations> attributed(Activations attributions) {
        List<SiteActivations> sites = attributions.sites().stream()
                .filter(site -> site.site().isAttribution())
                .toList();
        if (sites.isEmpty()) {
            throw new ModscanException(
                    "effects are estimated from attributions, and there are only "
                            + attributions.sites().stream()
                                    .map(SiteActivations::site)
                                    .limit(8)
                                    .toList()
                            + "; take Attribution.of(model).run(prompts), or capture sites with .attribution behind their names");
        }
        for (SiteActivations site : sites) {
            if (site.pooling().kind() != Pooling.Kind.SUM) {
                throw new ModscanException(site.site() + " was pooled by '" + site.pooling()
                        + "', and an effect is the sum over positions; take Pooling.sum()");
            }
        }
        return sites;
    }

    static EffectMap of(Activations attributions, String key, Collection<Target> targets) {
        Map<String, SiteActivations> sites = new HashMap<>();
        attributed(attributions).forEach(site -> sites.put(site.site().forward().name(), site));
        List<String> labels = attributions.prompts().labels(key);
        float[][] effects = targets.stream()
                .map(target -> effects(target, sites, labels.size()))
                .toArray(float[][]::new);
        float[] untouched = new float[labels.size()];
        Arrays.fill(untouched, Float.NaN);
        Map<String, String> facts = new HashMap<>(attributions.provenance());
        facts.put(
                Study.REPLACEMENT,
                "estimated: " + facts.getOrDefault(Attribution.REPLACEMENT, "as prompts are toward"));
        Objective objective = objective(attributions);
        boolean loss = objective.kind() == Objective.Kind.LOSS;
        return EffectMap.of(
                new Study(
                        (loss ? "loss (nats a token)" : objective.toString()) + ", estimated",
                        loss ? Outcome.Sense.COST : Outcome.Sense.SCORE,
                        List.copyOf(targets),
                        List.of(),
                        facts),
                attributions.prompts().stream().map(Prompt::id).toList(),
                labels,
                untouched,
                effects);
    }

    private static Objective objective(Activations attributions) {
        String json = attributions.provenance().get(OBJECTIVE);
        if (json == null) {
            throw new ModscanException(
                    "nothing tells what these attributions are of, so not whether more of it is worse: their provenance lacks '"
                            + OBJECTIVE + "', which what was captured has");
        }
        return Objective.told(json);
    }

    private static float[] effects(Target target, Map<String, SiteActivations> sites, int prompts) {
        double[] sums = new double[prompts];
        for (Unit unit : target.units()) {
            SiteActivations site = sites.get(unit.site().forward().name());
            if (site == null) {
                throw new ModscanException("there are no attributions of " + unit + "; there are of " + sites.keySet());
            }
            boolean byHead = site.site().units() == 0;
            if (byHead && unit.unit().isPresent()) {
                throw new ModscanException(unit + " is one unit of a head, and attributions of "
                        + site.site().forward() + " are of whole heads: name "
                        + Unit.of(unit.site().forward().magnitude(), unit.head().orElse(0)));
            }
            OptionalInt index = byHead ? unit.head() : unit.unit();
            for (int prompt = 0; prompt < prompts; prompt++) {
                FloatBuffer row = site.row(prompt);
                // A unit without an index is the whole site's magnitude.
                int from = index.orElse(0);
                int end = index.isPresent() ? from + 1 : site.site().width();
                for (int i = from; i < end; i++) {
                    sums[prompt] += row.get(row.position() + i);
                }
            }
        }
        float[] effects = new float[prompts];
        for (int prompt = 0; prompt < prompts; prompt++) {
            effects[prompt] = (float) sums[prompt];
        }
        return effects;
    }
}
