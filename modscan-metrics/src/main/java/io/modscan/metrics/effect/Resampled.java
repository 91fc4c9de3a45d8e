package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Reference;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.prompt.Prompt;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Function;

/** Gives each prompt what another one had. */
final class Resampled {

    private Resampled() {}

    static Function<Prompt, Replacement> of(Activations pooled, long seed) {
        int count = pooled.prompts().size();
        if (count < 2) {
            throw new ModscanException(
                    "another prompt's values are needed, and there is one prompt; give at least two");
        }
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, Replacement> byId = new HashMap<>();
        Optional<String> model = Optional.ofNullable(pooled.provenance().get("model.fingerprint"));
        for (int prompt = 0; prompt < count; prompt++) {
            int other = (prompt + 1 + random.nextInt(count - 1)) % count;
            Map<String, float[]> vectors = new HashMap<>();
            for (SiteActivations site : pooled.sites()) {
                if (site.reading().isPerToken()) {
                    throw new ModscanException(site.site() + " has a value at each position; pool it (Pooling.mean())");
                }
                vectors.put(site.site().name(), site.vector(other));
            }
            String name = "prompt " + pooled.prompts().get(other).id();
            Reference reference = Reference.of(name, vectors);
            byId.put(
                    pooled.prompts().get(prompt).id(),
                    Replacement.values(model.map(reference::ofModel).orElse(reference)));
        }
        return prompt -> {
            Replacement replacement = byId.get(prompt.untouchedId());
            if (replacement == null) {
                throw new ModscanException(
                        "prompt '" + prompt.id() + "' is none of the " + count + " that were drawn from");
            }
            return replacement;
        };
    }
}
