package io.modscan.metrics.modules;

import io.modscan.metrics.internal.graph.PairTile;
import java.util.List;
import java.util.function.Consumer;

/** How closely the members of a module go together. */
final class Cohesion implements Consumer<PairTile> {

    private final boolean absolute;
    private double sum;
    private double squares;
    private long pairs;

    private Cohesion(boolean absolute) {
        this.absolute = absolute;
    }

    static Cohesion of(Observed observed, List<Integer> members, boolean absolute) {
        Cohesion cohesion = new Cohesion(absolute);
        Correlations.ofPairs(
                observed.columns(), members.stream().mapToInt(i -> i).toArray(), cohesion);
        // Over all permutations of one of the units, the mean of r² is 1 / (n − 1), however its values are distributed.
        cohesion.squares -= cohesion.pairs / (observed.degrees() - 1.0);
        return cohesion;
    }

    @Override
    public void accept(PairTile tile) {
        for (int i = tile.top(); i < tile.bottom(); i++) {
            for (int j = tile.firstBehind(i); j < tile.right(); j++) {
                double correlation = tile.get(i, j);
                sum += absolute ? Math.abs(correlation) : correlation;
                squares += correlation * correlation;
                pairs++;
            }
        }
    }

    /** The mean correlation of pairs, or of its size. */
    double correlation() {
        return sum / pairs;
    }

    /**
     * The sum over pairs of r², less what it is on average where nothing goes together. Unlike the weight of links it does
     * not grow where modules that have nothing in common are taken for one.
     */
    double excess() {
        return squares;
    }
}
