package io.modscan.metrics.modules;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.linear.FisherYates;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** The values of each unit over all prompts, without units that correlate with nothing. */
final class Columns {

    private final int prompts;
    private final List<Unit> units = new ArrayList<>();
    private final List<Unit> leftOut = new ArrayList<>();
    private final List<float[]> values = new ArrayList<>();
    private double[] means = new double[0];
    private double[] lengths = new double[0];

    private Columns(int prompts) {
        this.prompts = prompts;
    }

    /** Takes prompts in order of their ids, so that sums and shuffles don't depend on the order in which they came. */
    static Columns of(Activations activations) {
        Activations sorted = activations.inOrderOfIds();
        Columns columns = new Columns(sorted.prompts().size());
        sorted.sites().forEach(columns::add);
        columns.standardise();
        return columns;
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
            lengths[unit] = Math.sqrt(squares);
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

    /** Some units' columns, each centred and of length 1, as rows one behind the other. */
    DoubleBuffer standardised(int[] chosen, int from, int to) {
        double[] rows = new double[(to - from) * prompts];
        for (int i = from; i < to; i++) {
            int unit = chosen[i];
            float[] column = values.get(unit);
            for (int j = 0; j < prompts; j++) {
                rows[(i - from) * prompts + j] = (column[j] - means[unit]) / lengths[unit];
            }
        }
        return DoubleBuffer.wrap(rows);
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
