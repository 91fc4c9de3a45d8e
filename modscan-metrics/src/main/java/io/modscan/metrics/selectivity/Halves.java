package io.modscan.metrics.selectivity;

import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.metrics.internal.rank.Lot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Halves the prompts of each label: ordered by a hash of their ids, they go to the one and the other half in turn. So a
 * prompt's half depends on the seed and on which prompts share its label, and not on their order.
 */
final class Halves {

    private record Hashed(long hash, String id) {}

    private Halves() {}

    /** The ids of the prompts in the first half, which has one more of a label with an odd number. */
    static Set<String> first(Prompts prompts, List<String> labels, long seed) {
        Map<String, List<Hashed>> byLabel = new TreeMap<>();
        for (int i = 0; i < labels.size(); i++) {
            Prompt prompt = prompts.get(i);
            byLabel.computeIfAbsent(labels.get(i), l -> new ArrayList<>())
                    .add(new Hashed(Lot.of(prompt.id(), Lot.mixed(seed)), prompt.id()));
        }
        Set<String> first = new HashSet<>();
        for (List<Hashed> ofLabel : byLabel.values()) {
            ofLabel.sort(Comparator.comparingLong(Hashed::hash).thenComparing(Hashed::id));
            for (int i = 0; i < ofLabel.size(); i += 2) {
                first.add(ofLabel.get(i).id());
            }
        }
        return first;
    }
}
