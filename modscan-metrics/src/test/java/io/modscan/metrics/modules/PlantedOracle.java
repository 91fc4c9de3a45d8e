package io.modscan.metrics.modules;

import java.util.List;
import org.apache.commons.numbers.gamma.Erfc;

/**
 * Knows how modules were planted: their courses, how many units follow each and none, how loadings and noise are distributed; of a
 * unit it knows its values only. It assigns each to the course, or to none, that is most probable given these. Nobody has a
 * larger expected share of units right, and whoever has to find the courses too has less; an index of partitions, which weighs
 * units otherwise, may be larger by a little now and then.
 */
final class PlantedOracle {

    /** Loadings that are tried within a module's range, if it is one. */
    private static final int LOADINGS = 9;

    private final PlantedModules.Plan plan;
    private final double[][] courses;

    PlantedOracle(PlantedModules.Plan plan, double[][] courses) {
        this.plan = plan;
        this.courses = courses;
    }

    /** The most probable module of each unit, before the values' scales, and the level below which they fall silent. */
    int[] modules(List<double[]> units) {
        return units.stream().mapToInt(this::module).toArray();
    }

    private int module(double[] values) {
        int best = PlantedModules.ALONE;
        double most = Math.log(plan.noise()) + logLikelihood(values, new double[values.length], 0);
        for (int module = 0; module < courses.length; module++) {
            double weight = Math.log(plan.sizes().get(module)) + logLikelihood(values, module);
            if (weight > most) {
                most = weight;
                best = module;
            }
        }
        return best;
    }

    /** With the loading, and the sign, unknown: the mean over all that they may be. */
    private double logLikelihood(double[] values, int module) {
        double weakest = plan.weakest(module);
        double strongest = plan.strongest(module);
        int loadings = weakest < strongest ? LOADINGS : 1;
        double[] logs = new double[2 * loadings];
        int count = 0;
        for (int i = 0; i < loadings; i++) {
            double loading = weakest + (i + 0.5) / loadings * (strongest - weakest);
            logs[count++] = logLikelihood(values, courses[module], loading);
            if (plan.signed()) {
                logs[count++] = logLikelihood(values, courses[module], -loading);
            }
        }
        double most = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            most = Math.max(most, logs[i]);
        }
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += Math.exp(logs[i] - most);
        }
        return most + Math.log(sum / count);
    }

    private double logLikelihood(double[] values, double[] course, double loading) {
        double sd = Math.sqrt(1 - loading * loading);
        double sum = 0;
        for (int i = 0; i < values.length; i++) {
            double mean = loading * course[i];
            // What is silent tells no more than that it is.
            sum += values[i] <= plan.silent()
                    ? Math.log(Erfc.value((mean - plan.silent()) / sd / Math.sqrt(2)) / 2)
                    : logDensity((values[i] - mean) / sd) - Math.log(sd);
        }
        return sum;
    }

    private double logDensity(double x) {
        return plan.law() == PlantedModules.Law.NORMAL
                ? -x * x / 2 - Math.log(2 * Math.PI) / 2
                // Student's at 3 degrees of freedom, of variance 1: 2 / (π (1 + x²)²).
                : Math.log(2 / Math.PI) - 2 * Math.log1p(x * x);
    }
}
