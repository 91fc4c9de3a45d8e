package io.modscan.metrics.modules;

import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.rank.ChanceLevel;
import java.util.List;
import java.util.SplittableRandom;

/** Units' values over prompts, or over the tokens within prompts, and what chance makes of them. */
interface Observed {

    /** The values. */
    Columns columns();

    /** How many prompts there are. */
    int prompts();

    /** Correlations by chance are as large as over so many prompts of independent, normal values. */
    int degrees();

    /** The share of pairs of units that reach a correlation by chance, whatever its sign. */
    default double share(double correlation) {
        return ChanceLevel.share(correlation, degrees());
    }

    /** The same where units have nothing in common. */
    Observed shuffled(SplittableRandom random);

    /**
     * The same over some of the prompts.
     *
     * @param prompts indices, ascending
     */
    Observed over(int[] prompts);

    /** The same units, prompts and tokens with other values, a row a unit. */
    Observed with(List<float[]> values);

    /** Values as a unit may have that goes along with no other, of mean 0 and a deviation of about 1. */
    double[] noise(int unit, SplittableRandom random);
}
