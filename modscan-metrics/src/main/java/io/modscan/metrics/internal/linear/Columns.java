package io.modscan.metrics.internal.linear;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The values of each unit over the data, without units that correlate with nothing. Units are in order of layers, then names
 * of sites, so that it doesn't matter in which order the sites came.
 */
public final class Columns {

    /** The order of sites: by layers, then names. */
    public static final Comparator<Site> IN_ORDER =
            Comparator.comparingInt((Site site) -> site.layer().orElse(-1)).thenComparing(Site::tensorName);

    private final int size;
    private final List<Unit> units;
    private final List<Unit> leftOut;
    private final List<float[]> values;
    private double[] means = new double[0];
    private double[] lengths = new double[0];

    private Columns(int size, List<Unit> units, List<Unit> leftOut, List<float[]> values) {
        this.size = size;
        this.units = units;
        this.leftOut = leftOut;
        this.values = values;
    }

    /**
     * Takes all vectors of all prompts one behind the other, prompts in order of their ids, so that sums and shuffles don't depend on
     * the order in which they came. All sites have the same number of vectors.
     */
    public static Columns of(Activations activations) {
        Activations sorted = activations.inOrderOfIds();
        Columns columns =
                new Columns(vectors(sorted.sites().get(0)), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        sorted.sites().stream()
                .sorted(Comparator.comparing(SiteActivations::site, IN_ORDER))
                .forEach(columns::add);
        columns.measure();
        return columns;
    }

    /**
     * Units with values that were gathered elsewhere, a row a unit; those that are constant, or have a value that is not finite, are
     * left out.
     *
     * @param units in the order in which they are to be
     */
    public static Columns of(List<Unit> units, List<float[]> values) {
        Columns columns = new Columns(
                values.isEmpty() ? 0 : values.get(0).length, new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        for (int unit = 0; unit < units.size(); unit++) {
            columns.offer(units.get(unit), values.get(unit));
        }
        columns.measure();
        return columns;
    }

    private static int vectors(SiteActivations site) {
        int vectors = 0;
        for (int prompt = 0; prompt < site.size(); prompt++) {
            vectors = Math.addExact(
                    vectors, site.row(prompt).capacity() / site.site().width());
        }
        return vectors;
    }

    /** The same units with other values. A unit may be constant here; it correlates with nothing. */
    public Columns with(List<float[]> others) {
        Columns columns = new Columns(others.isEmpty() ? size : others.get(0).length, units, leftOut, others);
        columns.measure();
        return columns;
    }

    /** The same units over some of the vectors. */
    public Columns over(int[] some) {
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
        int width = site.site().width();
        float[][] ofUnits = new float[width][size];
        int at = 0;
        for (int prompt = 0; prompt < site.size(); prompt++) {
            Interrupt.checkThisThread();
            FloatBuffer row = site.row(prompt);
            for (int from = 0; from < row.capacity(); from += width) {
                for (int unit = 0; unit < width; unit++) {
                    ofUnits[unit][at] = row.get(from + unit);
                }
                at++;
            }
        }
        if (at != size) {
            throw new IllegalArgumentException(site.site() + " has " + at + " vectors, where others have " + size);
        }
        for (int unit = 0; unit < ofUnits.length; unit++) {
            offer(Unit.of(site.site(), unit), ofUnits[unit]);
        }
    }

    private void offer(Unit unit, float[] column) {
        if (varies(column)) {
            units.add(unit);
            values.add(column);
        } else {
            leftOut.add(unit);
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
    private void measure() {
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

    /** How many values a unit has. */
    public int size() {
        return size;
    }

    /** The units that vary; an index of a unit is one into this list. */
    public List<Unit> units() {
        return units;
    }

    /** Those that are constant, or have a value that is not finite. */
    public List<Unit> leftOut() {
        return leftOut;
    }

    /** A unit's values; not a copy. */
    public float[] values(int unit) {
        return values.get(unit);
    }

    public double mean(int unit) {
        return means[unit];
    }

    /** The root of the sum of a unit's squares, each value less the mean; 0 if it is constant. */
    public double length(int unit) {
        return lengths[unit];
    }

    /** Units' columns from one up to another, each centred and of length 1, or 0 if it is constant, as rows one behind the other. */
    public DoubleBuffer standardised(int from, int to) {
        return standardised(IntStream.range(0, units.size()).toArray(), from, to);
    }

    /** The same of some units in an order of their own. */
    public DoubleBuffer standardised(int[] chosen, int from, int to) {
        double[] rows = new double[(to - from) * size];
        IntStream.range(from, to).parallel().forEach(i -> standardise(chosen[i], rows, (i - from) * size));
        return DoubleBuffer.wrap(rows);
    }

    /** A unit's column, centred and of length 1, or 0 if it is constant. */
    public double[] standardised(int unit) {
        double[] row = new double[size];
        standardise(unit, row, 0);
        return row;
    }

    /** Puts units' columns from one up to another, standardised in single precision, into a buffer. */
    public void near(int from, int to, FloatBuffer rows) {
        Interrupt interrupt = Interrupt.ofThisThread();
        IntStream.range(from, to).parallel().forEach(unit -> {
            interrupt.check();
            float[] column = values.get(unit);
            float[] row = new float[size];
            if (lengths[unit] > 0) {
                double scale = 1 / lengths[unit];
                for (int j = 0; j < size; j++) {
                    row[j] = (float) ((column[j] - means[unit]) * scale);
                }
            }
            rows.put((unit - from) * size, row);
        });
    }

    /** A unit's correlations with others, in double precision. For one thread. */
    public IntToDoubleFunction correlations(int unit) {
        double[] row = standardised(unit);
        return other -> lengths[other] > 0 ? Dot.ofCentred(row, values.get(other), means[other]) / lengths[other] : 0;
    }

    private void standardise(int unit, double[] to, int at) {
        float[] column = values.get(unit);
        if (lengths[unit] > 0) {
            for (int j = 0; j < size; j++) {
                to[at + j] = (column[j] - means[unit]) / lengths[unit];
            }
        }
    }

    /** The same units with the values of each put to other places, each unit by itself. */
    public Columns shuffled(SplittableRandom random) {
        return rearranged(column -> {
            float[] shuffled = column.clone();
            FisherYates.shuffle(size, random, (i, j) -> {
                float other = shuffled[j];
                shuffled[j] = shuffled[i];
                shuffled[i] = other;
            });
            return shuffled;
        });
    }

    /**
     * The same units with the values of each in another order.
     *
     * @param change does not change what it is given
     */
    public Columns rearranged(UnaryOperator<float[]> change) {
        return with(values.stream()
                .map(column -> {
                    Interrupt.checkThisThread();
                    return change.apply(column);
                })
                .toList());
    }
}
