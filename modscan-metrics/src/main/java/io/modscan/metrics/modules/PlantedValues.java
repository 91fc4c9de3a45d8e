package io.modscan.metrics.modules;

import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.linear.Dot;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Values in which given modules are planted and nothing else: each module has one course over the prompts, the mean of its members as
 * they were measured, and each member follows it as closely as it follows the others in truth, with noise of its own.
 */
final class PlantedValues {

    private PlantedValues() {}

    /**
     * Makes up values.
     *
     * @param measured the measured values
     * @param modules  the units of each module; all other units are noise
     * @param absolute whether a member may follow the course with the opposite sign
     */
    static Observed of(Observed measured, List<List<Integer>> modules, boolean absolute, SplittableRandom random) {
        Columns columns = measured.columns();
        int units = columns.units().size();
        float[][] values = new float[units][];
        for (List<Integer> members : modules) {
            Course course = new Course(columns, members, absolute);
            double length = Math.sqrt(Dot.of(course.values(), course.values()));
            int size = members.size();
            // With one course, members i and j correlate by a[i]·a[j]: so a[i] is what it correlates with all others
            // together,
            // over the root of what all do with all, for so many members.
            double pairs = length * length - size;
            for (int i = 0; i < size; i++) {
                double loading =
                        pairs > 0 ? course.withOthers(i) / Math.sqrt(pairs) * Math.sqrt(size / (size - 1.0)) : 0;
                loading = course.sign(i) * Math.max(-1, Math.min(1, loading));
                values[members.get(i)] = follow(
                        course.values(),
                        length > 0 ? loading / length : 0,
                        Math.sqrt(1 - loading * loading),
                        measured.noise(members.get(i), random));
            }
        }
        for (int unit = 0; unit < units; unit++) {
            if (values[unit] == null) {
                values[unit] = follow(new double[columns.size()], 0, 1, measured.noise(unit, random));
            }
        }
        return measured.with(List.of(values));
    }

    /** The course times a factor, and noise times another, whose deviation is about 1 before it is scaled. */
    private static float[] follow(double[] course, double factor, double ofNoise, double[] noise) {
        float[] values = new float[course.length];
        for (int prompt = 0; prompt < values.length; prompt++) {
            values[prompt] = (float) (factor * course[prompt] + ofNoise * noise[prompt] / Math.sqrt(course.length));
        }
        return values;
    }
}
