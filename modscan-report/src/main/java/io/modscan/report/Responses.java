package io.modscan.report;

import io.modscan.metrics.selectivity.Criterion;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.selectivity.UnitSelectivity;
import java.util.Comparator;
import java.util.stream.IntStream;

/** How the units of one family respond: for each label, then each unit, layer by layer. */
final class Responses {

    final int labels;
    final int units;
    final double[] effect;
    final double[] auroc;
    final double[] q;
    /** 1 where it lights up, −1 where it goes dark, else 0. */
    final int[] call;

    Responses(SelectivityMap map, SiteFamily family, Criterion criterion) {
        this.labels = map.labels().size();
        this.units = family.sites().size() * family.width();
        this.effect = new double[labels * units];
        this.auroc = new double[labels * units];
        this.q = new double[labels * units];
        this.call = new int[labels * units];
        for (int label = 0; label < labels; label++) {
            for (int unit = 0; unit < units; unit++) {
                UnitSelectivity response = map.get(
                        family.sites().get(unit / family.width()),
                        unit % family.width(),
                        map.labels().get(label));
                int at = at(label, unit);
                effect[at] = response.hedgesG();
                auroc[at] = response.auroc();
                q[at] = response.q();
                call[at] = criterion.lightsUp(response) ? 1 : criterion.goesDark(response) ? -1 : 0;
            }
        }
    }

    int at(int label, int unit) {
        return label * units + unit;
    }

    /** The units, those first that tell any label apart best. */
    int[] ranked() {
        double[] best = new double[units];
        double[] largest = new double[units];
        for (int unit = 0; unit < units; unit++) {
            best[unit] = 2;
            for (int label = 0; label < labels; label++) {
                double rate = q[at(label, unit)];
                double distance = Math.abs(auroc[at(label, unit)] - 0.5);
                best[unit] = Double.isNaN(rate) ? best[unit] : Math.min(best[unit], rate);
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
}
