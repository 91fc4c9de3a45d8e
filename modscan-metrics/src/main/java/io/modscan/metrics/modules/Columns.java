package io.modscan.metrics.modules;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * The values of each unit over all prompts, without units that correlate with nothing. Units are in order of layers, then names
 * of sites, so that it doesn't matter in which order the sites came.
 */
final class Columns {

    private final int prompts;
    private final List<Unit> units;
    private final List<Unit> leftOut;
    private final List<float[]> values;
    private double[] means = new double[0];
    private double[] lengths = new double[0];

    private Columns(int prompts, List<Unit> units, List<Unit> leftOut, List<float[]> values) {
        this.prompts = prompts;
        this.units = units;
        this.leftOut = leftOut;
        this.values = values;
    }

    /** Takes prompts in order of their ids, so that sums and shuffles don't depend on the order in which they came. */
    static Columns of(Activations activations) {
        Activations sorted = activations.inOrderOfIds();
        Columns columns = new Columns(sorted.prompts().size(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        sorted.sites().stream()
                .sorted(Comparator.comparingInt(
                                (SiteActivations one) -> one.site().layer().orElse(-1))
                        .thenComparing(one -> one.site().tensorName()))
                .forEach(columns::add);
        columns.standardise();
        return columns;
    }

    /** The same units with other values. A unit may be constant here; it correlates with nothing. */
    Columns with(List<float[]> others) {
        Columns columns = new Columns(others.isEmpty() ? prompts : others.get(0).length, units, leftOut, others);
        columns.standardise();
        return columns;
    }

    /** The same units over some of the prompts. */
    Columns over(int[] some) {
        return with(values.stream()
                .map(column -> {
                    float[] part = new float[some.length];
                    for (int i = 0; i < some.length; i++) {
                        part[i] = column[some[i]];
                    }
                    return part;
                })
                .toList());
    }

    private void add(SiteActivations site) {
        float[][] ofUnits = new float[site.site().width()][prompts];
        for (int i = 0; i < prompts; i++) {
            Interrupt.checkThisThread();
            float[] vector = site.vector(i);
            for (int unit = 0; unit < vector.length; unit++) {
                ofUnits[unit][i] = vector[unit];
            }
        }
        for (int unit = 0; unit < ofUnits.length; unit++) {
            Unit reference = Unit.of(site.site(), unit);
            if (varies(ofUnits[unit])) {
                units.add(reference);
                values.add(ofUnits[unit]);
            } else {
                leftOut.add(reference);
            }
        }
    }

    private static boolean varies(float[] values) {
        float least = Float.POSITIVE_INFINITY;
        float most = Float.NEGATIVE_INFINITY;
        for (float value : values) {
            if (!Float.isFinite(value)) {
                return false;
            }
            least = Math.min(least, value);
            most = Math.max(most, value);
        }
        return least < most;
    }

    /** In double precision neither the square of the smallest float underflows nor that of the largest overflows. */
    private void standardise() {
        means = values.stream().mapToDouble(Columns::mean).toArray();
        lengths = new double[means.length];
        for (int unit = 0; unit < lengths.length; unit++) {
            Interrupt.checkThisThread();
            double squares = 0;
            for (float value : values.get(unit)) {
                squares += (value - means[unit]) * (value - means[unit]);
            }
            // Of a constant the mean may be off by a rounding, and what is left would correlate.
            lengths[unit] = varies(values.get(unit)) ? Math.sqrt(squares) : 0;
        }
    }

    private static double mean(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    int prompts() {
        return prompts;
    }

    /** The units that vary; an index of a unit is one into this list. */
    List<Unit> units() {
        return units;
    }

    /** Those that are constant, or have a value that is not finite. */
    List<Unit> leftOut() {
        return leftOut;
    }

    /** Some units' columns, each centred and of length 1, or 0 if it is constant, as rows one behind the other. */
    DoubleBuffer standardised(int[] chosen, int from, int to) {
        double[] rows = new double[(to - from) * prompts];
        IntStream.range(from, to).parallel().forEach(i -> standardise(chosen[i], rows, (i - from) * prompts));
        return DoubleBuffer.wrap(rows);
    }

    /** A unit's column, centred and of length 1, or 0 if it is constant. */
    double[] standardised(int unit) {
        double[] row = new double[prompts];
        standardise(unit, row, 0);
        return row;
    }

    private void standardise(int unit, double[] to, int at) {
        float[] column = values.get(unit);
        if (lengths[unit] > 0) {
            for (int j = 0; j < prompts; j++) {
                to[at + j] = (column[j] - means[unit]) / lengths[unit];
            }
        }
    }

    /** Puts each unit's values to other prompts, each unit by itself. */
    void shuffle(SplittableRandom random) {
        for (float[] column : values) {
            Interrupt.checkThisThread();
            FisherYates.shuffle(prompts, random, (i, j) -> {
                float other = column[j];
                column[j] = column[i];
                column[i] = other;
            });
        }
    }
}
