package io.modscan.onnx.internal.mixing;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which operators keep rows and positions apart, and when: a table that a class for each family adds its rows to. What is not
 * here is not known to.
 */
final class MixingRules {

    /** What an operator's outputs hold. */
    interface Rule {
        List<Kept> of(MixingNode node);
    }

    /** As {@link Rule}, where all outputs are alike. */
    interface Alike {
        Kept of(MixingNode node);
    }

    /**
     * An operator.
     *
     * @param attributes those with which the rule holds
     * @param sizes      the inputs that say lengths
     */
    record Known(Set<String> attributes, Set<Integer> sizes, Rule rule) {}

    private final Map<String, Known> known = new HashMap<>();

    MixingRules() {
        ElementwiseRules.addTo(this);
        MovingRules.addTo(this);
        LookupRules.addTo(this);
        AlongAxesRules.addTo(this);
        ProductRules.addTo(this);
        AttentionRules.addTo(this);
        WindowRules.addTo(this);
        ContribRules.addTo(this);
        ClassicalRules.addTo(this);
    }

    Optional<Known> of(String operator) {
        return Optional.ofNullable(known.get(operator));
    }

    /** Names and attributes are parted by spaces. */
    void alike(String operators, String attributes, Alike rule) {
        add(operators, attributes, Set.of(), node -> node.all(rule.of(node)));
    }

    void add(String operators, String attributes, Set<Integer> sizes, Rule rule) {
        Set<String> names = new HashSet<>(List.of(attributes.split(" ", -1)));
        for (String operator : operators.split(" ", -1)) {
            if (known.put(operator, new Known(names, sizes, rule)) != null) {
                throw new IllegalArgumentException("two rules for the operator " + operator);
            }
        }
    }
}
