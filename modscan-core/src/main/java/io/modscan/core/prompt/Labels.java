package io.modscan.core.prompt;

import io.modscan.core.error.ModscanException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The different labels of a set of prompts, in natural order, and how many prompts have each. Labels are told by their index
 * in that order, so that results don't depend on which prompt came first. Immutable.
 */
public final class Labels {

    private final List<String> names;
    private final long[] counts;

    private Labels(SortedMap<String, Long> counts) {
        this.names = List.copyOf(counts.keySet());
        this.counts = counts.values().stream().mapToLong(Long::longValue).toArray();
    }

    /**
     * The labels of some prompts.
     *
     * @param ofPrompts each prompt's label, such as {@link Prompts#labels} gives them
     * @return the different ones, counted
     */
    public static Labels of(List<String> ofPrompts) {
        SortedMap<String, Long> counts = new TreeMap<>();
        ofPrompts.forEach(label -> counts.merge(label, 1L, Long::sum));
        return new Labels(counts);
    }

    /**
     * Labels that have been counted already.
     *
     * @param counts how many prompts have each label
     * @return the labels
     */
    public static Labels counted(Map<String, Long> counts) {
        return new Labels(new TreeMap<>(counts));
    }

    /**
     * The different labels.
     *
     * @return their names, in natural order
     */
    public List<String> names() {
        return names;
    }

    /**
     * The number of different labels.
     *
     * @return how many names there are
     */
    public int size() {
        return names.size();
    }

    /**
     * How many prompts have a label.
     *
     * @param index the label's index among the {@link #names()}
     * @return their number
     */
    public long count(int index) {
        return counts[index];
    }

    /**
     * Sees to it that there is something to set against each other.
     *
     * @param key what the labels are of, for the message
     * @return this
     * @throws ModscanException if there are fewer than two labels
     */
    public Labels atLeastTwo(String key) {
        if (size() < 2) {
            throw new ModscanException((names.isEmpty()
                            ? "no prompt has a " + key
                            : "all prompts have the " + key + " '" + names.get(0) + "'")
                    + "; labels are set against each other, so at least two are needed");
        }
        return this;
    }

    /**
     * Where a label is among the names.
     *
     * @param name a label
     * @return its index
     * @throws ModscanException if no prompt has it; the message lists the labels
     */
    public int index(String name) {
        int index = Collections.binarySearch(names, name);
        if (index < 0) {
            throw new ModscanException("no prompt had the label '" + name + "'; the labels are " + names);
        }
        return index;
    }

    /**
     * Each prompt's label as an index.
     *
     * @param ofPrompts the prompts' labels
     * @return for each, its index among the names
     * @throws ModscanException if one of them is not among the names
     */
    public int[] indices(List<String> ofPrompts) {
        return ofPrompts.stream().mapToInt(this::index).toArray();
    }

    @Override
    public String toString() {
        return "Labels" + names;
    }
}
