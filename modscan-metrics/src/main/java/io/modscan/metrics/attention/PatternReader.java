package io.modscan.metrics.attention;

import java.nio.FloatBuffer;

/**
 * Reads one prompt's patterns.
 *
 * @param pattern  [heads, tokens, tokens], queries before keys
 * @param tokens   how many the prompt has
 * @param relative whether entropy and distance are divided by the largest that a causal query can have
 * @param hasBos   1 if the first key is BOS, 0 if not, NaN if not known
 */
record PatternReader(FloatBuffer pattern, int tokens, boolean relative, double hasBos) {

    private static final int NUMBERS = HeadBehaviour.values().length;

    /** The mean behaviour of each head over all queries but the first: [heads, 5]. */
    float[] read(int heads) {
        float[] numbers = new float[heads * NUMBERS];
        for (int head = 0; head < heads; head++) {
            double[] sums = new double[NUMBERS];
            for (int query = 1; query < tokens; query++) {
                addQuery((head * tokens + query) * tokens, query, sums);
            }
            for (int i = 0; i < NUMBERS; i++) {
                // A single token leaves 0 / 0.
                numbers[head * NUMBERS + i] = (float) (sums[i] / (tokens - 1));
            }
        }
        return numbers;
    }

    private void addQuery(int row, int query, double[] sums) {
        double entropy = 0;
        double distance = 0;
        for (int key = 0; key < tokens; key++) {
            double weight = pattern.get(row + key);
            if (weight != 0) {
                entropy -= weight * Math.log(weight);
                distance += weight * (query - key);
            }
        }
        sums[HeadBehaviour.ENTROPY.index()] += relative ? entropy / Math.log(query + 1.0) : entropy;
        sums[HeadBehaviour.DISTANCE.index()] += relative ? distance / query : distance;
        sums[HeadBehaviour.BOS.index()] += hasBos * pattern.get(row);
        sums[HeadBehaviour.SELF.index()] += pattern.get(row + query);
        sums[HeadBehaviour.PREVIOUS.index()] += pattern.get(row + query - 1);
    }
}
