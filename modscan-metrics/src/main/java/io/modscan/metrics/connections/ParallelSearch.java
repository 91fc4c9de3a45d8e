package io.modscan.metrics.connections;

import io.modscan.metrics.internal.graph.PairTile;
import io.modscan.metrics.internal.graph.PairTiles;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.stream.IntStream;

/** Looks through all pairs of units for those that carry nearly one feature. */
final class ParallelSearch {

    /** Far more than products of matrices round by, and far too little for many pairs to lie in between. */
    private static final double SLACK = 1e-9;

    /**
     * Two units that do.
     *
     * @param least the least size of the correlation that is left without one prompt
     */
    record Found(int unit, int other, double correlation, double least) {

        /** The strongest first, among equals those of the first units. */
        static final Comparator<Found> STRONGEST = Comparator.comparingDouble(
                        (Found pair) -> -Math.abs(pair.correlation))
                .thenComparingInt(Found::unit)
                .thenComparingInt(Found::other);
    }

    private final UnitFunctions functions;
    private final double threshold;
    private final int most;
    private final PriorityQueue<Found> weakestFirst = new PriorityQueue<>(Found.STRONGEST.reversed());
    private long found;
    private long byOnePrompt;

    private ParallelSearch(UnitFunctions functions, double threshold, int most) {
        this.functions = functions;
        this.threshold = threshold;
        this.most = most;
    }

    /**
     * Looks through all pairs.
     *
     * @param threshold the least size of a correlation, with all prompts and without any one
     * @param most      how many pairs are kept, the strongest
     */
    static ParallelSearch of(UnitFunctions functions, double threshold, int most) {
        ParallelSearch search = new ParallelSearch(functions, threshold, most);
        PairTiles.forEach(functions.units().size(), functions.size(), functions::standardised, search::take);
        return search;
    }

    private void take(PairTile tile) {
        Interrupt interrupt = Interrupt.ofThisThread();
        List<List<Found>> rows = IntStream.range(tile.top(), tile.bottom())
                .parallel()
                .mapToObj(row -> pairs(tile, row, interrupt))
                .toList();
        for (List<Found> row : rows) {
            for (Found pair : row) {
                if (pair.least < threshold) {
                    byOnePrompt++;
                } else {
                    found++;
                    keep(pair);
                }
            }
        }
    }

    private List<Found> pairs(PairTile tile, int row, Interrupt interrupt) {
        List<Found> pairs = new ArrayList<>();
        for (int column = tile.firstBehind(row); column < tile.right(); column++) {
            if (Math.abs(tile.get(row, column)) >= threshold - SLACK) {
                interrupt.check();
                double correlation = functions.correlation(row, column);
                if (Math.abs(correlation) >= threshold) {
                    double least = functions.leastWithoutOne(row, column, correlation);
                    pairs.add(new Found(row, column, correlation, least));
                }
            }
        }
        return pairs;
    }

    private void keep(Found pair) {
        if (weakestFirst.size() < most) {
            weakestFirst.add(pair);
        } else if (most > 0 && Found.STRONGEST.compare(pair, weakestFirst.element()) < 0) {
            weakestFirst.remove();
            weakestFirst.add(pair);
        }
    }

    /** Those kept, the strongest first. */
    List<Found> kept() {
        return weakestFirst.stream().sorted(Found.STRONGEST).toList();
    }

    /** How many there are, kept or not. */
    long found() {
        return found;
    }

    /** How many more there would be if none were tried without a prompt. */
    long byOnePrompt() {
        return byOnePrompt;
    }
}
