package io.modscan.metrics.connections;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.linear.Dot;
import java.nio.DoubleBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Units as functions over the data: the values of each over all prompts, or over the tokens of all prompts, without those that
 * are constant or have a value that is not finite.
 */
final class UnitFunctions {

    /** The share of a sum of squares below which a difference of such sums says little. */
    private static final double ROUNDING = 1e-9;

    /** Where each prompt's values begin; behind them, how many there are. */
    private final int[] begins;

    private final Columns columns;

    private UnitFunctions(int[] begins, Columns columns) {
        this.begins = begins;
        this.columns = columns;
    }

    /** Takes prompts in order of their ids, so that sums and shuffles don't depend on the order in which they came. */
    static UnitFunctions of(Activations activations) {
        Activations sorted = activations.inOrderOfIds();
        int[] begins = begins(sorted.sites().get(0));
        for (SiteActivations site : sorted.sites()) {
            if (!Arrays.equals(begins, begins(site))) {
                throw new ModscanException(
                        howMany(site) + ", " + howMany(sorted.sites().get(0))
                                + "; functions are compared over the same prompts or tokens, so pool all sites or none");
            }
        }
        return new UnitFunctions(begins, Columns.of(sorted));
    }

    private static String howMany(SiteActivations site) {
        int[] begins = begins(site);
        return "'" + site.site() + "' (pooling " + site.pooling() + ") has " + begins[begins.length - 1] + " vectors";
    }

    private static int[] begins(SiteActivations site) {
        if (site.site().isPairwise()) {
            throw new ModscanException(
                    "'" + site.site() + "' has a value for each pair of positions, so its units are no"
                            + " functions of a prompt or a token; leave it out");
        }
        int[] begins = new int[site.size() + 1];
        for (int prompt = 0; prompt < site.size(); prompt++) {
            int vectors = site.row(prompt).capacity() / site.site().width();
            begins[prompt + 1] = Math.addExact(begins[prompt], vectors);
        }
        return begins;
    }

    int prompts() {
        return begins.length - 1;
    }

    /** How many values a unit has. */
    int size() {
        return columns.size();
    }

    /** The units that vary; an index of a unit is one into this list. */
    List<Unit> units() {
        return columns.units();
    }

    List<Unit> leftOut() {
        return columns.leftOut();
    }

    /** The standard deviation of a unit over the data. */
    double deviation(int unit) {
        return columns.length(unit) / Math.sqrt(size());
    }

    /** Some units' values, each centred and of length 1, as rows one behind the other. */
    DoubleBuffer standardised(int from, int to) {
        return columns.standardised(from, to);
    }

    /** Of the values as they are, so that a mean counts. */
    double cosine(int unit, int other) {
        float[] a = columns.values(unit);
        float[] b = columns.values(other);
        return within(Dot.of(a, b) / (Math.sqrt(Dot.of(a, a)) * Math.sqrt(Dot.of(b, b))));
    }

    /** Pearson's, summed one value after the other, so that it does not hang on how a product of matrices rounds. */
    double correlation(int unit, int other) {
        return without(0, 0, unit, other);
    }

    /**
     * The least that becomes of a correlation's size if one prompt, with all of its tokens, is left out: 0 or less if the sign
     * turns, or if one of the units is constant without that prompt.
     */
    double leastWithoutOne(int unit, int other, double correlation) {
        float[] a = columns.values(unit);
        float[] b = columns.values(other);
        double meanA = columns.mean(unit);
        double meanB = columns.mean(other);
        double allA = columns.length(unit) * columns.length(unit);
        double allB = columns.length(other) * columns.length(other);
        double sign = Math.signum(correlation);
        double product = correlation * columns.length(unit) * columns.length(other);
        int worst = 0;
        double least = Double.POSITIVE_INFINITY;
        for (int prompt = 0; prompt < prompts(); prompt++) {
            double sumA = 0;
            double sumB = 0;
            double squaresA = allA;
            double squaresB = allB;
            double rest = product;
            for (int i = begins[prompt]; i < begins[prompt + 1]; i++) {
                double x = a[i] - meanA;
                double y = b[i] - meanB;
                sumA += x;
                sumB += y;
                squaresA -= x * x;
                squaresB -= y * y;
                rest -= x * y;
            }
            // What is left has another mean.
            int left = size() - (begins[prompt + 1] - begins[prompt]);
            squaresA -= sumA * sumA / left;
            squaresB -= sumB * sumB / left;
            rest -= sumA * sumB / left;
            // Where next to nothing is left, rounding would decide; below it is summed anew.
            boolean nothing = left == 0 || squaresA <= ROUNDING * allA || squaresB <= ROUNDING * allB;
            double size = nothing ? Double.NEGATIVE_INFINITY : sign * rest / Math.sqrt(squaresA * squaresB);
            if (size < least) {
                least = size;
                worst = prompt;
            }
        }
        return sign * without(begins[worst], begins[worst + 1], unit, other);
    }

    /** The correlation over all values but a stretch, 0 if one of the units is constant there. */
    private double without(int from, int to, int unit, int other) {
        float[] a = columns.values(unit);
        float[] b = columns.values(other);
        int left = size() - (to - from);
        double sumA = 0;
        double sumB = 0;
        for (int i = 0; i < a.length; i++) {
            if (i < from || i >= to) {
                sumA += a[i];
                sumB += b[i];
            }
        }
        double meanA = sumA / left;
        double meanB = sumB / left;
        double squaresA = 0;
        double squaresB = 0;
        double product = 0;
        boolean variesA = false;
        boolean variesB = false;
        int first = from == 0 ? to : 0;
        for (int i = 0; i < a.length; i++) {
            if (i < from || i >= to) {
                double x = a[i] - meanA;
                double y = b[i] - meanB;
                squaresA += x * x;
                squaresB += y * y;
                product += x * y;
                variesA |= a[i] != a[first];
                variesB |= b[i] != b[first];
            }
        }
        return variesA && variesB ? within(product / (Math.sqrt(squaresA) * Math.sqrt(squaresB))) : 0;
    }

    private static double within(double cosine) {
        return Math.max(-1, Math.min(1, cosine));
    }

    /**
     * Takes away what units have in common, each unit by itself. Values of prompts are put to other prompts; those of tokens, whose
     * neighbours are alike, are turned round by some number of places, so that they stay neighbours.
     */
    UnitFunctions shuffled(SplittableRandom random) {
        return new UnitFunctions(
                begins,
                size() > prompts()
                        ? columns.rearranged(column -> turned(column, random.nextInt(column.length)))
                        : columns.shuffled(random));
    }

    private static float[] turned(float[] column, int places) {
        float[] turned = new float[column.length];
        System.arraycopy(column, 0, turned, places, column.length - places);
        System.arraycopy(column, column.length - places, turned, 0, places);
        return turned;
    }
}
