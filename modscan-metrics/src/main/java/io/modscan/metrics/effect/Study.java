package io.modscan.metrics.effect;

import io.modscan.core.intervention.Replacement;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What was studied, whatever the prompts.
 *
 * @param outcome the outcome's name
 * @param sense   which way it goes
 * @param targets what was changed
 * @param sets    the random sets beside each target
 * @param facts   which model, and what replaced units
 */
record Study(
        String outcome, Outcome.Sense sense, List<Target> targets, List<List<Target>> sets, Map<String, String> facts) {

    static final String REPLACEMENT = "effect.replacement";
    private static final String FINGERPRINT = "model.fingerprint";

    Study {
        targets = List.copyOf(targets);
        sets = List.copyOf(sets);
        facts = Map.copyOf(facts);
    }

    /** What replaces units, so that two are told apart whose values are not the same. */
    static String words(Replacement by) {
        return by
                + by.reference()
                        .map(reference -> " (SHA-256 " + reference.sha256() + ")")
                        .orElse("");
    }

    /** Whether another one's effects are of the same kind, random sets aside. */
    boolean isLike(Study other) {
        return outcome.equals(other.outcome)
                && sense == other.sense
                && targets.equals(other.targets)
                && Objects.equals(facts.get(FINGERPRINT), other.facts.get(FINGERPRINT))
                && Objects.equals(facts.get(REPLACEMENT), other.facts.get(REPLACEMENT));
    }

    /** The same without random sets. */
    Study withoutSets() {
        return new Study(
                outcome,
                sense,
                targets,
                targets.stream().map(target -> List.<Target>of()).toList(),
                facts);
    }
}
