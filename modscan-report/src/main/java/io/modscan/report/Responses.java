package io.modscan.report;

import io.modscan.core.site.Unit;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * How the units of one family respond, unit by unit, layer by layer. Nothing is copied: a large model has millions of units, each with
 * as many responses as there are labels.
 */
final class Responses {

    final int labels;
    final int units;

    private final SelectivityMap map;
    private final SiteFamily family;
    private final Criterion criterion;

    Responses(SelectivityMap map, SiteFamily family, Criterion criterion) {
        this.labels = map.labels().size();
        this.units = family.sites().size() * family.width();
        this.map = map;
        this.family = family;
        this.criterion = criterion;
    }

    UnitSelectivity get(int label, int unit) {
        return map.get(
                Unit.of(family.sites().get(unit / family.width()), unit % family.width()),
                map.labels().get(label));
    }

    /** 1 where it lights up, −1 where it goes dark, else 0. */
    int call(UnitSelectivity response) {
        return criterion.lightsUp(response) ? 1 : criterion.goesDark(response) ? -1 : 0;
    }

    /** The units, those first that tell any label apart best. */
    int[] ranked() {
        double[] best = new double[units];
        double[] largest = new double[units];
        for (int unit = 0; unit < units; unit++) {
            best[unit] = 2;
            for (int label = 0; label < labels; label++) {
                UnitSelectivity response = get(label, unit);
                double distance = Math.abs(response.auroc() - 0.5);
                best[unit] = Double.isNaN(response.q()) ? best[unit] : Math.min(best[unit], response.q());
                largest[unit] = Double.isNaN(distance) ? largest[unit] : Math.max(largest[unit], distance);
            }
        }
        return IntStream.range(0, units)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(unit -> best[unit])
                        .thenComparingDouble(unit -> -largest[unit])
                        .thenComparingInt(unit -> unit))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** The size of effects that all but one in twenty of those that pass stay below; 0 where none passes. */
    private double usual() {
        double[] passing = IntStream.range(0, labels)
                .boxed()
                .flatMapToDouble(label -> IntStream.range(0, units)
                        .mapToObj(unit -> get(label, unit))
                        .filter(response -> call(response) != 0)
                        .mapToDouble(response -> Math.abs(response.hedgesG())))
                .filter(Double::isFinite)
                .sorted()
                .toArray();
        return passing.length == 0 ? 0 : passing[(int) (0.95 * (passing.length - 1))];
    }

    /** The effect that has the fullest colour, on the page and in pictures alike. */
    double limit() {
        double usual = usual();
        return usual == 0 ? 1 : Math.max(0.5, Math.ceil(2 * usual) / 2);
    }
}
