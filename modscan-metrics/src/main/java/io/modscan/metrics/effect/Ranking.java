package io.modscan.metrics.effect;

import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.selectivity.ImportanceMap;
import io.modscan.metrics.selectivity.ImportanceScores;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitImportance;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/**
 * Units in an order, the most important first, by some measure: what a {@linkplain Curves curve} removes or keeps the first of.
 *
 * @param name  such as {@code "selectivity for law"}
 * @param units each once, at least one
 */
public record Ranking(String name, List<Unit> units) {

    /**
     * Copies the units.
     *
     * @param name  see above
     * @param units see above
     * @throws IllegalArgumentException if there is no unit, one comes twice, or the name is blank
     */
    public Ranking {
        units = List.copyOf(units);
        if (name.isBlank() || units.isEmpty() || new HashSet<>(units).size() < units.size()) {
            throw new IllegalArgumentException("a ranking has a name and at least one unit, each once; '" + name
                    + "' has " + units.size() + " units, " + new HashSet<>(units).size() + " different ones");
        }
    }

    /**
     * By how much units light up for a label: by the AUROC.
     *
     * @param map   what was measured
     * @param label one of its labels
     * @return all units of all sites of the map but those that could not be measured
     * @throws io.modscan.core.error.ModscanException if there is no such label
     */
    public static Ranking bySelectivity(SelectivityMap map, String label) {
        List<Unit> units = map.highest(label, Integer.MAX_VALUE, UnitSelectivity::auroc).stream()
                .map(UnitSelectivity::unit)
                .toList();
        return new Ranking("selectivity for " + label, units);
    }

    /**
     * By how much more important units are for a label's tokens than for others', which is how selective pruning ranks them.
     *
     * @param map   what was measured
     * @param label one of its labels
     * @param score one of the scores of a {@linkplain UnitImportance#ratio() ratio}, such as {@code ImportanceScores::rms}
     * @return all units of all sites of the map but those that could not be measured
     * @throws io.modscan.core.error.ModscanException if there is no such label
     */
    public static Ranking byImportance(ImportanceMap map, String label, ToDoubleFunction<ImportanceScores> score) {
        List<Unit> units = map.highest(label, Integer.MAX_VALUE, row -> score.applyAsDouble(row.ratio())).stream()
                .map(UnitImportance::unit)
                .toList();
        return new Ranking("importance for " + label, units);
    }

    /**
     * By how much harm it does a label that units are changed, or, of {@linkplain EffectMap#estimated estimated} effects, would do.
     *
     * @param map   what was measured or estimated
     * @param label one of its labels
     * @param of    the effect: {@code UnitEffect::effect} is the label's alone, {@code UnitEffect::selective} compares it with the others'
     * @return all units that were changed alone, but those that could not be measured
     * @throws io.modscan.core.error.ModscanException if there is no such label
     */
    public static Ranking byEffect(EffectMap map, String label, ToDoubleFunction<? super UnitEffect> of) {
        List<Unit> units = map.rows(label)
                .filter(row -> row.units() == 1 && Double.isFinite(of.applyAsDouble(row)))
                .sorted(Comparator.comparingDouble(row -> -row.sense().harm(of.applyAsDouble(row))))
                .map(UnitEffect::unit)
                .toList();
        return new Ranking(map.outcome() + " for " + label, units);
    }

    /**
     * In no order: what every other ranking has to beat.
     *
     * @param units the units
     * @param seed  where the order comes from
     * @return the ranking
     */
    public static Ranking random(Collection<Unit> units, long seed) {
        List<Unit> shuffled = new ArrayList<>(units);
        FisherYates.shuffle(
                shuffled.size(), new SplittableRandom(seed), (one, other) -> Collections.swap(shuffled, one, other));
        return new Ranking("random", shuffled);
    }
}
