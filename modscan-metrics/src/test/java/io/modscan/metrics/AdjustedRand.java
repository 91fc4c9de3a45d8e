package io.modscan.metrics;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How alike two partitions are: 1 for the same one, about 0 for any two that have nothing to do with each other. Hubert and
 * Arabie, "Comparing partitions", 1985 (doi:10.1007/BF01908075).
 */
public final class AdjustedRand {

    private AdjustedRand() {}

    /** The index for two lists of the same things' classes. */
    public static double index(List<Integer> one, List<Integer> other) {
        Map<Integer, Integer> ofOne = new HashMap<>();
        Map<Integer, Integer> ofOther = new HashMap<>();
        Map<List<Integer>, Integer> ofBoth = new HashMap<>();
        for (int i = 0; i < one.size(); i++) {
            ofOne.merge(one.get(i), 1, Integer::sum);
            ofOther.merge(other.get(i), 1, Integer::sum);
            ofBoth.merge(List.of(one.get(i), other.get(i)), 1, Integer::sum);
        }
        double together = pairs(ofBoth.values());
        double first = pairs(ofOne.values());
        double second = pairs(ofOther.values());
        double all = pairs(List.of(one.size()));
        double expected = all == 0 ? 0 : first * second / all;
        double most = (first + second) / 2;
        return most == expected ? 1 : (together - expected) / (most - expected);
    }

    private static double pairs(Collection<Integer> sizes) {
        return sizes.stream().mapToDouble(n -> n * (n - 1.0) / 2).sum();
    }
}
