package io.modscan.metrics.effect;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Unit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * How much of a ranking a label needs: the first 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50 % of it are removed, or all but these, and each label's outcome is set beside the share.
 * Removing by a ranking of one label is the selective pruning of Pochinkov and Schoots, "Dissecting language models", 2024
 * (<a href="https://doi.org/10.48550/arXiv.2403.01267">doi:10.48550/arXiv.2403.01267</a>).
 *
 * <pre>{@code
 * List<Curve> curves = Curves.removing(Ablation.of(model).by("topic"), List.of(Ranking.bySelectivity(map, "law"), Ranking.random(units, 1)), prompts);
 * }</pre>
 *
 * <p>Shares of which the number of units is the same are run once; the cost is that of an {@link Ablation} of as many targets.
 */
public final class Curves {

    private static final List<Double> SHARES = List.of(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5);

    private Curves() {}

    /**
     * Removes the first of each ranking.
     *
     * @param study    says in what way: by which labels, outcome and replacement; its targets and random sets don't matter
     * @param rankings at least one, each of a name of its own
     * @param prompts  labelled prompts
     * @return a curve a ranking and label, in this order
     * @throws ModscanException as {@link Ablation#run}, or if there is no ranking, or two have the same name
     */
    public static List<Curve> removing(Ablation study, List<Ranking> rankings, Prompts prompts) {
        return run(study, rankings, prompts, false);
    }

    /**
     * Keeps the first of each ranking and removes all its other units.
     *
     * @param study    as for {@link #removing}
     * @param rankings as for {@link #removing}
     * @param prompts  labelled prompts
     * @return a curve a ranking and label, in this order
     * @throws ModscanException as {@link #removing}
     */
    public static List<Curve> keepingOnly(Ablation study, List<Ranking> rankings, Prompts prompts) {
        return run(study, rankings, prompts, true);
    }

    /**
     * What curves cost.
     *
     * @param study     as for {@link #removing}
     * @param rankings  as for {@link #removing}
     * @param keepsOnly whether the first of a ranking are kept, or removed
     * @return forward passes of each prompt, as {@link Ablation#passes} counts them
     */
    public static double passes(Ablation study, List<Ranking> rankings, boolean keepsOnly) {
        return study.of(targets(rankings, keepsOnly)).passes();
    }

    private static List<Target> targets(List<Ranking> rankings, boolean keepsOnly) {
        if (rankings.stream().map(Ranking::name).distinct().count() < Math.max(1, rankings.size())) {
            throw new ModscanException("at least one ranking is needed, each of a name of its own; these are "
                    + rankings.stream().map(Ranking::name).toList());
        }
        List<Target> targets = new ArrayList<>();
        for (Ranking ranking : rankings) {
            List<Unit> all = ranking.units();
            targets.add(new Target(name(ranking, 0), all));
            for (int count : counts(ranking)) {
                targets.add(new Target(
                        name(ranking, count), keepsOnly ? all.subList(count, all.size()) : all.subList(0, count)));
            }
        }
        return targets;
    }

    private static List<Curve> run(Ablation study, List<Ranking> rankings, Prompts prompts, boolean keepsOnly) {
        EffectMap effects = study.of(targets(rankings, keepsOnly)).run(prompts);
        List<Curve> curves = new ArrayList<>();
        for (Ranking ranking : rankings) {
            for (String label : effects.labels()) {
                curves.add(curve(effects, ranking, label, keepsOnly));
            }
        }
        return curves;
    }

    private static String name(Ranking ranking, int count) {
        return count == 0 ? "all of " + ranking.name() : ranking.name() + ", first " + count;
    }

    /** How many units the shares are, each number once; all but the whole. */
    private static SortedSet<Integer> counts(Ranking ranking) {
        int all = ranking.units().size();
        SortedSet<Integer> counts = new TreeSet<>();
        SHARES.forEach(share -> counts.add((int) Math.max(1, Math.round(share * all))));
        counts.removeIf(count -> count >= all);
        return counts;
    }

    private static Curve curve(EffectMap effects, Ranking ranking, String label, boolean keepsOnly) {
        UnitEffect everything = effects.get(name(ranking, 0), label);
        double untouched = everything.untouched();
        List<Curve.Point> points = new ArrayList<>();
        for (int count : counts(ranking)) {
            UnitEffect row = Objects.requireNonNull(effects.get(name(ranking, count), label));
            points.add(new Curve.Point(
                    (double) count / ranking.units().size(),
                    count,
                    untouched + row.effect(),
                    untouched + row.low(),
                    untouched + row.high()));
        }
        return new Curve(ranking.name(), label, keepsOnly, untouched, untouched + everything.effect(), points);
    }
}
