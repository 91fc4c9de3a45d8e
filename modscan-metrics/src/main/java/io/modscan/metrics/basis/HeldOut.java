package io.modscan.metrics.basis;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Prompts to fit to, and others to measure.
 *
 * @param fitted   what bases are fitted to
 * @param measured what is seen in them
 */
record HeldOut(Activations fitted, Activations measured) {

    static HeldOut halved(Activations activations, long seed) {
        List<String> ids = new ArrayList<>(
                activations.prompts().stream().map(Prompt::id).sorted().toList());
        Collections.shuffle(ids, new Random(seed));
        Set<String> fit = new HashSet<>(ids.subList(0, ids.size() / 2));
        return of(activations, prompt -> fit.contains(prompt.id()));
    }

    static HeldOut of(Activations activations, Predicate<? super Prompt> fit) {
        // Asked once a prompt, so that a condition which changes its mind has no prompt in both parts.
        Set<Prompt> fitted = activations.prompts().stream().filter(fit).collect(Collectors.toSet());
        int all = activations.prompts().size();
        long some = activations.prompts().stream().filter(fitted::contains).count();
        if (some == 0 || some == all) {
            throw new ModscanException(
                    "to be measured on other prompts than those of its fit, a basis takes some of both; of " + all
                            + " prompts, " + some + " are to fit it and " + (all - some) + " to be measured");
        }
        return new HeldOut(activations.where(fitted::contains), activations.where(prompt -> !fitted.contains(prompt)));
    }

    /** What is measured, each site in a basis of its own. */
    Activations in(Basis.Kind kind) {
        return measured.map(
                site -> fitted.at(site.site()).measure(Basis.fit(kind)).orNothing(site));
    }
}
