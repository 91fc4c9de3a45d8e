package io.modscan.metrics.modules;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a module responds to, named by its members.
 *
 * @param module the module
 * @param shares for each label, the share of members that respond to it, in [0, 1]; {@link ModuleMap#topics} tells which do
 * @param topic  the label of the largest share, the first in natural order among equals; empty if no member responds to any
 */
public record ModuleTopics(UnitModule module, SortedMap<String, Double> shares, Optional<String> topic) {

    /**
     * Copies the shares.
     *
     * @param module see above
     * @param shares see above
     * @param topic  see above
     */
    public ModuleTopics {
        shares = Collections.unmodifiableSortedMap(new TreeMap<>(shares));
    }

    /**
     * The share of members that respond to the topic.
     *
     * @return the largest of the shares, 0 without a topic
     */
    public double share() {
        return topic.map(label -> shares.getOrDefault(label, 0.0)).orElse(0.0);
    }

    static ModuleTopics of(UnitModule module, SortedMap<String, Double> shares) {
        Optional<String> most = shares.entrySet().stream()
                .filter(entry -> entry.getValue() > 0)
                .reduce((first, other) -> other.getValue() > first.getValue() ? other : first)
                .map(Map.Entry::getKey);
        return new ModuleTopics(module, shares, most);
    }
}
