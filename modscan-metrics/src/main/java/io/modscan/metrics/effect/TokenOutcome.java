package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import java.util.List;

/** A number that is made of what the model says of some tokens at a prompt's last position. */
final class TokenOutcome extends SiteOutcome {

    private final Choice choice;

    /** Makes one number of a prompt's values. */
    @FunctionalInterface
    interface Choice {
        float of(float[] values, Prompt prompt);
    }

    TokenOutcome(String name, SiteSelector tokens, Choice choice) {
        super(name, tokens, Pooling.last());
        this.choice = choice;
    }

    /** Where a token is among those that are read. */
    static int place(List<Integer> tokens, int token, Prompt prompt) {
        int place = tokens.indexOf(token);
        if (place < 0) {
            throw new ModscanException("prompt '" + prompt.id() + "' asks for token " + token + ", and only " + tokens
                    + " are read; name it, too");
        }
        return place;
    }

    @Override
    public float[] of(Activations activations, int prompt) {
        return new float[] {
            choice.of(super.of(activations, prompt), activations.prompts().get(prompt))
        };
    }
}
