package io.modscan.metrics.connections;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Puts units together of which each two are a pair: complete linkage. The pairs come one by one, the strongest first; two
 * groups become one once all pairs between them have come.
 */
final class ParallelGroups {

    private final Map<Integer, Integer> groupOf = new TreeMap<>();
    private final Map<Integer, List<Integer>> members = new TreeMap<>();
    /** Of each group, how many pairs have come between it and others. */
    private final Map<Integer, Map<Integer, Long>> between = new HashMap<>();

    private ParallelGroups() {}

    /** The groups of at least two units, larger ones first, among equals those of the first units; members in order. */
    static List<List<Integer>> of(List<ParallelSearch.Found> pairs) {
        ParallelGroups groups = new ParallelGroups();
        pairs.forEach(pair -> groups.add(pair.unit(), pair.other()));
        return groups.members.values().stream()
                .filter(group -> group.size() > 1)
                .peek(Collections::sort)
                .sorted(Comparator.comparingInt((List<Integer> group) -> -group.size())
                        .thenComparingInt(group -> group.get(0)))
                .toList();
    }

    private void add(int unit, int other) {
        int one = group(unit);
        int two = group(other);
        // Two of one group are a pair already.
        long came = count(one, two) + 1;
        ofGroup(one).put(two, came);
        ofGroup(two).put(one, came);
        if (came == (long) size(one) * size(two)) {
            join(Math.min(one, two), Math.max(one, two));
        }
    }

    private int group(int unit) {
        members.computeIfAbsent(groupOf.computeIfAbsent(unit, u -> u), group -> new ArrayList<>(List.of(unit)));
        return groupOf.getOrDefault(unit, unit);
    }

    private int size(int group) {
        return members.getOrDefault(group, List.of()).size();
    }

    private Map<Integer, Long> ofGroup(int group) {
        return between.computeIfAbsent(group, g -> new HashMap<>());
    }

    private long count(int one, int two) {
        return ofGroup(one).getOrDefault(two, 0L);
    }

    private void join(int into, int from) {
        List<Integer> moved = members.getOrDefault(from, List.of());
        members.remove(from);
        moved.forEach(unit -> groupOf.put(unit, into));
        members.computeIfAbsent(into, group -> new ArrayList<>()).addAll(moved);
        for (int third : new TreeSet<>(ofGroup(from).keySet())) {
            if (third != into) {
                long both = count(into, third) + count(from, third);
                ofGroup(into).put(third, both);
                ofGroup(third).put(into, both);
            }
            ofGroup(third).remove(from);
        }
        between.remove(from);
    }
}
