package io.modscan.metrics.modules;

import io.modscan.metrics.internal.linear.Columns;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A value for each prompt and unit. Where units have nothing in common, each unit's values are in an order of their own.
 *
 * @param columns the values
 */
record OverPrompts(Columns columns) implements Observed {

    @Override
    public int prompts() {
        return columns.size();
    }

    @Override
    public int degrees() {
        return columns.size();
    }

    @Override
    public Observed shuffled(SplittableRandom random) {
        return new OverPrompts(columns.shuffled(random));
    }

    @Override
    public Observed over(int[] prompts) {
        return new OverPrompts(columns.over(prompts));
    }

    @Override
    public Observed with(List<float[]> values) {
        return new OverPrompts(columns.with(values));
    }

    @Override
    public double[] noise(int unit, SplittableRandom random) {
        double[] values = new double[columns.size()];
        for (int prompt = 0; prompt < values.length; prompt++) {
            values[prompt] = random.nextGaussian();
        }
        return values;
    }
}
