package io.modscan.metrics.modules;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** How many things two partitions have in common, class by class. */
final class Contingency {

    /**
     * What a class of the first partition has in common with one of the second.
     *
     * @param one    the class in the first
     * @param other  the class in the second
     * @param shared how many things are in both, at least one
     */
    record Cell(int one, int other, int shared) {}

    private final int things;
    private final Map<Integer, Integer> ofOne = new HashMap<>();
    private final Map<Integer, Integer> ofOther = new HashMap<>();
    private final List<Cell> cells = new ArrayList<>();

    /**
     * Counts.
     *
     * @param one   the class of each thing in the first partition
     * @param other its class in the second
     */
    Contingency(int[] one, int[] other) {
        this.things = one.length;
        Map<Long, Integer> both = new HashMap<>();
        for (int i = 0; i < things; i++) {
            ofOne.merge(one[i], 1, Integer::sum);
            ofOther.merge(other[i], 1, Integer::sum);
            both.merge(((long) one[i] << Integer.SIZE) | (other[i] & 0xffffffffL), 1, Integer::sum);
        }
        both.forEach((pair, shared) -> cells.add(new Cell((int) (pair >> Integer.SIZE), (int) (long) pair, shared)));
        // In one order, so that sums are rounded in one way.
        cells.sort(Comparator.comparingInt(Cell::one).thenComparingInt(Cell::other));
    }

    int things() {
        return things;
    }

    List<Cell> cells() {
        return cells;
    }

    int sizeOfOne(int which) {
        return ofOne.getOrDefault(which, 0);
    }

    int sizeOfOther(int which) {
        return ofOther.getOrDefault(which, 0);
    }

    /** The adjusted Rand index, of counts of pairs that are exact whatever their number; NaN if it is 0 / 0. */
    double adjustedRand() {
        BigInteger all = BigInteger.valueOf(pairs(things));
        long inOne = 0;
        for (int size : ofOne.values()) {
            inOne += pairs(size);
        }
        long inOther = 0;
        for (int size : ofOther.values()) {
            inOther += pairs(size);
        }
        long inBoth = 0;
        for (Cell cell : cells) {
            inBoth += pairs(cell.shared());
        }
        BigInteger twice = BigInteger.TWO;
        BigInteger expected =
                BigInteger.valueOf(inOne).multiply(BigInteger.valueOf(inOther)).multiply(twice);
        BigInteger observed = all.multiply(BigInteger.valueOf(inBoth)).multiply(twice);
        BigInteger most = all.multiply(BigInteger.valueOf(inOne).add(BigInteger.valueOf(inOther)));
        return observed.subtract(expected).doubleValue()
                / most.subtract(expected).doubleValue();
    }

    private static long pairs(long things) {
        return things * (things - 1) / 2;
    }

    /** The variation of information, in nats; NaN without things. */
    double variationOfInformation() {
        double sum = 0;
        for (Cell cell : cells) {
            double shared = cell.shared();
            // None of the terms is negative, and both are exactly 0 where the classes are the same.
            sum += shared * (Math.log(sizeOfOne(cell.one()) / shared) + Math.log(sizeOfOther(cell.other()) / shared));
        }
        return sum / things;
    }
}
