package io.modscan.metrics.attention;

/**
 * Reads patterns.
 *
 * @param relative whether entropy and distance are divided by the largest that a causal query can have
 */
record PatternReader(boolean relative) {

    private static final int NUMBERS = HeadBehaviour.values().length;

    /** The mean behaviour of a head over all queries but the first. */
    double[] read(Square pattern) {
        double[] sums = new double[NUMBERS];
        for (int query = 1; query < pattern.tokens(); query++) {
            addQuery(pattern, query, sums);
        }
        for (int i = 0; i < NUMBERS; i++) {
            // A single token leaves 0 / 0.
            sums[i] /= pattern.tokens() - 1;
        }
        return sums;
    }

    private void addQuery(Square pattern, int query, double[] sums) {
        double entropy = 0;
        double distance = 0;
        for (int key = 0; key < pattern.tokens(); key++) {
            double weight = pattern.get(query, key);
            if (weight != 0) {
                entropy -= weight * Math.log(weight);
                distance += weight * (query - key);
            }
        }
        sums[HeadBehaviour.ENTROPY.index()] += relative ? entropy / Math.log(query + 1.0) : entropy;
        sums[HeadBehaviour.DISTANCE.index()] += relative ? distance / query : distance;
        sums[HeadBehaviour.BOS.index()] += pattern.hasBos() * pattern.get(query, 0);
        sums[HeadBehaviour.SELF.index()] += pattern.get(query, query);
        sums[HeadBehaviour.PREVIOUS.index()] += pattern.get(query, query - 1);
    }
}
