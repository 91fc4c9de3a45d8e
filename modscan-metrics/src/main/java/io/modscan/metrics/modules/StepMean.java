package io.modscan.metrics.modules;

import java.util.Locale;
import java.util.stream.DoubleStream;

/**
 * How active a module is at some tokens.
 *
 * @param mean          the mean over prompts of the mean over those of a prompt's tokens, of the mean of the members' standardised values; 0
 *                      is what the same members do in the same prompts on average, 1 a standard deviation more. NaN without a prompt
 * @param standardError of the mean, over prompts; NaN with less than two
 * @param prompts       how many prompts have such tokens
 */
public record StepMean(double mean, double standardError, int prompts) {

    static StepMean of(double[] ofPrompts) {
        double mean = DoubleStream.of(ofPrompts).average().orElse(Double.NaN);
        double squares = 0;
        for (double one : ofPrompts) {
            squares += (one - mean) * (one - mean);
        }
        int number = ofPrompts.length;
        // With one prompt 0 / 0.
        return new StepMean(mean, Math.sqrt(squares / (number - 1) / number), number);
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return the numbers
     */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%+.2f ± %.2f (%d prompts)", mean, standardError, prompts);
    }
}
