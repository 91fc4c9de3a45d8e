package io.modscan.metrics.effect;

import io.modscan.core.intervention.Intervention;
import io.modscan.core.intervention.Replacement;
import io.modscan.core.prompt.Prompt;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A target switched off. */
final class Off {
    private final Target target;
    private final Function<? super Prompt, Replacement> by;
    private @Nullable Replacement last;
    private @Nullable Intervention made;

    Off(Target target, Function<? super Prompt, Replacement> by) {
        this.target = target;
        this.by = by;
    }

    String name() {
        return target.name();
    }

    /** Prompts are often asked of by one thread, one behind the other, and have the same replacement, the very object. */
    @SuppressWarnings("ReferenceEquality")
    synchronized Intervention of(Prompt prompt) {
        Replacement replacement = by.apply(prompt);
        if (made == null || replacement != last) {
            made = Intervention.of(target.name(), target.units(), replacement);
            last = replacement;
        }
        return made;
    }
}
