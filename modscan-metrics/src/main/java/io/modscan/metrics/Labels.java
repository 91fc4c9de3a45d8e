package io.modscan.metrics;

import io.modscan.core.error.ModscanException;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/** The labels of a measurement, in natural order, and how many prompts have each. */
final class Labels {

    private final List<String> names;
    private final long[] counts;

    Labels(List<String> names, long[] counts) {
        this.names = names;
        this.counts = counts;
    }

    static List<String> namesOf(Collection<String> labels) {
        return labels.stream().distinct().sorted().toList();
    }

    /** The index of each label among the names. */
    static int[] indices(List<String> labels, List<String> names) {
        return labels.stream()
                .mapToInt(label -> Collections.binarySearch(names, label))
                .toArray();
    }

    List<String> names() {
        return names;
    }

    int size() {
        return names.size();
    }

    long count(int index) {
        return counts[index];
    }

    int index(String label) {
        int index = Collections.binarySearch(names, label);
        if (index < 0) {
            throw new ModscanException("no prompt had the label '" + label + "'; the labels are " + names);
        }
        return index;
    }
}
