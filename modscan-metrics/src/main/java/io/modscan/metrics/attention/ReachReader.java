package io.modscan.metrics.attention;

/**
 * Reads attributions of patterns.
 *
 * @param relative whether a distance is divided by the largest that a causal query can have
 */
record ReachReader(boolean relative) {

    /** The reach of a head. */
    double[] read(Square edges) {
        double[] sums = new double[HeadReach.values().length];
        double mass = 0;
        for (int query = 0; query < edges.tokens(); query++) {
            for (int key = 0; key < edges.tokens(); key++) {
                double edge = edges.get(query, key);
                sums[HeadReach.EFFECT.index()] += edge;
                sums[HeadReach.MASS.index()] += Math.abs(edge);
                sums[HeadReach.POSITIVE.index()] += Math.max(0, edge);
                if (query > 0) {
                    int steps = query - key;
                    mass += Math.abs(edge);
                    sums[HeadReach.DISTANCE.index()] += Math.abs(edge) * steps / (relative ? query : 1);
                }
            }
            if (query > 0) {
                sums[HeadReach.BOS.index()] += edges.hasBos() * Math.abs(edges.get(query, 0));
                sums[HeadReach.SELF.index()] += Math.abs(edges.get(query, query));
                sums[HeadReach.PREVIOUS.index()] += Math.abs(edges.get(query, query - 1));
            }
        }
        // Where nothing is shared out, 0 / 0 is left; of what is infinite there are no shares.
        mass = Double.isInfinite(mass) ? Double.NaN : mass;
        double all = sums[HeadReach.MASS.index()];
        sums[HeadReach.POSITIVE.index()] /= Double.isInfinite(all) ? Double.NaN : all;
        sums[HeadReach.DISTANCE.index()] /= mass;
        sums[HeadReach.BOS.index()] /= mass;
        sums[HeadReach.SELF.index()] /= mass;
        sums[HeadReach.PREVIOUS.index()] /= mass;
        return sums;
    }
}
