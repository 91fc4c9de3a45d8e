package io.modscan.core.model;

import io.modscan.core.intervention.Intervention;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Objective;
import java.util.List;
import java.util.Optional;

/**
 * What a prompt's gradients and attributions are about, beside the objective that all prompts of a plan have in common.
 *
 * @param toward what attributions put in place of values; zero everywhere if it is empty
 * @param tokens the ids that the objective is about in this prompt; none if they are the same in all, or it is about none
 */
public record Aim(Optional<Intervention> toward, List<Integer> tokens) {

    /** That of prompts of which nothing is said. */
    public static final Aim NONE = new Aim(Optional.empty(), List.of());

    /**
     * Copies the tokens.
     *
     * @param toward see above
     * @param tokens see above
     */
    public Aim {
        tokens = List.copyOf(tokens);
    }

    /**
     * That of a prompt.
     *
     * @param prompt    the prompt
     * @param objective what gradients are of
     * @return its aim
     * @throws io.modscan.core.error.ModscanException if the prompt has no label that the objective needs
     */
    public static Aim of(Prompt prompt, Objective objective) {
        return new Aim(prompt.toward(), objective.ownTokens(prompt.id(), prompt.labels()));
    }
}
