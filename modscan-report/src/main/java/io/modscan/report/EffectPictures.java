package io.modscan.report;

import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The numbers behind "Does it do the work?": what changing each target does to each label, beside what lights up. */
final class EffectPictures {

    /** Rows in a page, targets × labels; of what has more, the targets with the largest effects on one label above others. */
    private static final int MOST_ROWS = 40_000;

    private final EffectMap effects;
    private final @Nullable SelectivityMap lights;
    private final Criterion criterion;
    private final PageNumbers numbers;
    private final List<UnitEffect> rows;
    private final int labels;

    EffectPictures(EffectMap effects, @Nullable SelectivityMap lights, Criterion criterion, PageNumbers numbers) {
        this.effects = effects;
        this.lights = lights;
        this.criterion = criterion;
        this.numbers = numbers;
        this.rows = effects.rows().toList();
        this.labels = effects.labels().size();
    }

    /** Each number's array has the targets one behind the other, each with its labels. */
    Map<String, Object> write(String name) {
        int[] shown = largest();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("array", name);
        facts.put("outcome", effects.outcome());
        facts.put("of", effects.targets().size());
        facts.put("distance", effects.sense() == Outcome.Sense.DISTANCE);
        facts.put(
                "targets",
                Arrays.stream(shown)
                        .mapToObj(target -> target(effects.targets().get(target)))
                        .toList());
        write(name, "untouched", shown, UnitEffect::untouched);
        write(name, "effect", shown, UnitEffect::effect);
        write(name, "low", shown, UnitEffect::low);
        write(name, "high", shown, UnitEffect::high);
        write(name, "q", shown, UnitEffect::q);
        write(name, "others", shown, UnitEffect::others);
        write(name, "selectiveQ", shown, UnitEffect::selectiveQ);
        write(name, "matched", shown, UnitEffect::matched);
        write(name, "matchedP", shown, UnitEffect::matchedP);
        write(name, "needed", shown, row -> row.isNeeded() ? 1 : 0);
        SelectivityMap map = lights;
        boolean beside =
                map != null && rows.stream().anyMatch(row -> response(map, row).isPresent());
        facts.put("lights", beside);
        if (map != null && beside) {
            write(
                    name,
                    "auroc",
                    shown,
                    row -> response(map, row).map(UnitSelectivity::auroc).orElse(Double.NaN));
            write(
                    name,
                    "lit",
                    shown,
                    row -> response(map, row).filter(criterion::lightsUp).isPresent() ? 1 : 0);
            facts.put("rank", Json.number(effects.rankCorrelation(map, UnitEffect::effect)));
            facts.put("rankOfOwn", Json.number(effects.rankCorrelation(map, UnitEffect::selective)));
        }
        return facts;
    }

    private void write(String name, String what, int[] shown, ToDoubleFunction<UnitEffect> value) {
        float[] values = new float[shown.length * labels];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) value.applyAsDouble(rows.get(shown[i / labels] * labels + i % labels));
        }
        numbers.floats(name + "." + what, values);
    }

    /** Those that are shown, in their order. */
    private int[] largest() {
        int all = effects.targets().size();
        return IntStream.range(0, all)
                .boxed()
                .sorted(Comparator.comparingDouble(target -> -mostSelective(target)))
                .limit(Math.max(1, MOST_ROWS / labels))
                .sorted()
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private double mostSelective(int target) {
        return rows.subList(target * labels, (target + 1) * labels).stream()
                .mapToDouble(UnitEffect::selective)
                .filter(Double::isFinite)
                .max()
                .orElse(Double.NEGATIVE_INFINITY);
    }

    static Map<String, Object> target(Target target) {
        Map<String, Object> facts = new LinkedHashMap<>();
        Unit unit = target.units().get(0);
        Site site = unit.site();
        boolean alone = target.units().size() == 1;
        boolean head = alone
                && site.tensorName().endsWith("hook_z")
                && site.layer().isPresent()
                && unit.head().isPresent()
                && unit.unit().isEmpty();
        facts.put("name", head || isNeuron(target) ? SiteFamily.unit(site, unit.head(), unit.unit()) : target.name());
        facts.put("units", target.units().size());
        if (head) {
            facts.put("layer", site.layer().getAsInt());
            facts.put("head", unit.head().getAsInt());
        }
        return facts;
    }

    private static boolean isNeuron(Target target) {
        Site site = target.units().get(0).site();
        return target.units().size() == 1
                && site.layer().isPresent()
                && site.hook().equals("hook_post");
    }

    /** How a unit that was changed alone responds to the same label. */
    static Optional<UnitSelectivity> response(SelectivityMap map, UnitEffect row) {
        return row.units() == 1
                        && map.sites().contains(row.unit().site())
                        && map.labels().contains(row.label())
                ? Optional.of(map.get(row.unit(), row.label()))
                : Optional.empty();
    }
}
