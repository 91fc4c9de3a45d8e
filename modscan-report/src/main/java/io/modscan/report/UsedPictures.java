package io.modscan.report;

import io.modscan.metrics.effect.EffectMap;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Target;
import io.modscan.metrics.effect.UnitEffect;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The numbers behind "What is used": what each label would lose without a unit, as is estimated, beside what lights up. Effects are told as harm, so that more is worse. */
final class UsedPictures {

    /** Heads × labels; of more, heads are thinned out as other units are. */
    private static final int MOST_HEADS = 50_000;

    /** Of each label's other units, so many of the most used, as many of the brightest, and as many of all others. */
    private static final int MOST_EACH = 200;

    private static final int LEAST_EACH = 10;
    private static final int MOST_OTHERS = 20_000;
    private static final int MOST_CHECKED = 40_000;

    private final EffectMap estimated;
    private final SelectivityMap lights;
    private final Criterion criterion;
    private final PageNumbers numbers;
    private final Outcome.Sense sense;
    private final Map<Integer, Integer> placeOf = new HashMap<>();
    private final List<Object> targets = new ArrayList<>();

    UsedPictures(EffectMap estimated, SelectivityMap lights, Criterion criterion, PageNumbers numbers) {
        this.estimated = estimated;
        this.lights = lights;
        this.criterion = criterion;
        this.numbers = numbers;
        this.sense = estimated.sense();
    }

    /** Each number's array has the labels one behind the other, each with its own targets, the most used first. */
    Map<String, Object> write(@Nullable EffectMap measured) {
        List<UnitEffect> rows = new ArrayList<>();
        List<Integer> places = new ArrayList<>();
        List<Integer> counts = new ArrayList<>();
        for (String label : estimated.labels()) {
            List<UnitEffect> all = estimated.rows(label).toList();
            List<Integer> shown = shown(all);
            shown.forEach(target -> {
                rows.add(all.get(target));
                places.add(place(target));
            });
            counts.add(shown.size());
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("outcome", estimated.outcome().replaceFirst(", estimated$", ""));
        facts.put("falls", sense == Outcome.Sense.SCORE);
        facts.put("of", estimated.targets().size());
        facts.put(
                "whole",
                counts.stream().allMatch(count -> count == estimated.targets().size()));
        facts.put("counts", counts);
        facts.put("targets", targets);
        facts.put("rankOfHeads", rank(true));
        facts.put("rankOfOthers", rank(false));
        numbers.ints("used.target", places.stream().mapToInt(Integer::intValue).toArray());
        write("used.effect", rows, row -> sense.harm(row.effect()));
        write("used.low", rows, row -> Math.min(sense.harm(row.low()), sense.harm(row.high())));
        write("used.high", rows, row -> Math.max(sense.harm(row.low()), sense.harm(row.high())));
        write("used.others", rows, row -> sense.harm(row.others()));
        write("used.q", rows, UnitEffect::q);
        write("used.ownQ", rows, UnitEffect::selectiveQ);
        write("used.needed", rows, row -> row.isNeeded() ? 1 : 0);
        write("used.auroc", rows, this::auroc);
        write("used.lit", rows, row -> response(row).filter(criterion::lightsUp).isPresent() ? 1 : 0);
        if (measured != null) {
            facts.put("check", check(measured));
        }
        return facts;
    }

    private void write(String name, List<UnitEffect> rows, ToDoubleFunction<UnitEffect> value) {
        float[] values = new float[rows.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) value.applyAsDouble(rows.get(i));
        }
        numbers.floats(name, values);
    }

    private int place(int target) {
        return placeOf.computeIfAbsent(target, any -> {
            targets.add(EffectPictures.target(estimated.targets().get(target)));
            return targets.size() - 1;
        });
    }

    /** Of one label's rows, the most used first. */
    private List<Integer> shown(List<UnitEffect> rows) {
        int each = Math.min(
                MOST_EACH, Math.max(LEAST_EACH, MOST_OTHERS / estimated.labels().size()));
        long heads = rows.stream().filter(UsedPictures::isHead).count();
        boolean allHeads = heads * estimated.labels().size() <= MOST_HEADS;
        List<Integer> finite = IntStream.range(0, rows.size())
                .filter(target -> Double.isFinite(rows.get(target).selective()))
                .boxed()
                .sorted(Comparator.comparingDouble(target -> -own(rows.get(target))))
                .toList();
        List<Integer> others = finite.stream()
                .filter(target -> !(allHeads && isHead(rows.get(target))))
                .toList();
        Set<Integer> kept = new LinkedHashSet<>(others.subList(0, Math.min(each, others.size())));
        others.stream()
                .filter(target -> Double.isFinite(auroc(rows.get(target))))
                .sorted(Comparator.comparingDouble(target -> -auroc(rows.get(target))))
                .limit(each)
                .forEach(kept::add);
        for (int i = 0; i < each && i < others.size(); i++) {
            kept.add(others.get((int) ((long) i * others.size() / Math.min(each, others.size()))));
        }
        return finite.stream()
                .filter(target -> kept.contains(target) || (allHeads && isHead(rows.get(target))))
                .toList();
    }

    private static boolean isHead(UnitEffect row) {
        return row.unit().head().isPresent() && row.unit().unit().isEmpty();
    }

    private double own(UnitEffect row) {
        return sense.harm(row.selective());
    }

    private Optional<UnitSelectivity> response(UnitEffect row) {
        return EffectPictures.response(lights, row);
    }

    private double auroc(UnitEffect row) {
        return response(row).map(UnitSelectivity::auroc).orElse(Double.NaN);
    }

    private @Nullable Double rank(boolean heads) {
        return Json.number(estimated.rankCorrelation(lights, row -> isHead(row) == heads ? own(row) : Double.NaN));
    }

    /** Effects as they are, beside their estimates. */
    private Map<String, Object> check(EffectMap measured) {
        Set<String> names = measured.targets().stream().map(Target::name).collect(Collectors.toSet());
        Map<List<String>, UnitEffect> estimates = new HashMap<>();
        estimated
                .rows()
                .filter(row -> names.contains(row.target()))
                .forEach(row -> estimates.put(List.of(row.target(), row.label()), row));
        int labels = measured.labels().size();
        List<UnitEffect> rows = measured.rows()
                .filter(row -> estimates.containsKey(List.of(row.target(), row.label())))
                .limit((long) labels * Math.max(1, MOST_CHECKED / labels))
                .toList();
        List<UnitEffect> beside = rows.stream()
                .map(row -> estimates.get(List.of(row.target(), row.label())))
                .toList();
        write("used.checked", rows, row -> sense.harm(row.effect()));
        write("used.estimate", beside, row -> sense.harm(row.effect()));
        Map<String, Object> facts = new LinkedHashMap<>();
        Set<String> shown = rows.stream().map(UnitEffect::target).collect(Collectors.toSet());
        facts.put(
                "targets",
                measured.targets().stream()
                        .filter(target -> shown.contains(target.name()))
                        .map(target -> EffectPictures.target(target).get("name"))
                        .toList());
        facts.put("of", measured.targets().size());
        facts.put("rank", Json.number(estimated.rankCorrelation(measured, UnitEffect::effect)));
        facts.put("rankOfOwn", Json.number(estimated.rankCorrelation(measured, UnitEffect::selective)));
        return facts;
    }
}
