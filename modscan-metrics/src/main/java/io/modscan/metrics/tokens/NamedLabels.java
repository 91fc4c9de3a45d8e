package io.modscan.metrics.tokens;

import io.modscan.core.error.ModscanException;
import io.modscan.core.token.PromptTokens;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;

/** A labelling that knows what it is called. */
record NamedLabels(String name, boolean isByPosition, Function<PromptTokens, ? extends Map<String, int[]>> function)
        implements TokenLabels {

    NamedLabels {
        Objects.requireNonNull(function, "function");
        if (name.isBlank()) {
            throw new IllegalArgumentException("a labelling of tokens needs a name");
        }
    }

    @Override
    public SortedMap<String, int[]> of(PromptTokens tokens) {
        return new TreeMap<>(function.apply(tokens));
    }

    /** The ids of tokens, for a labelling that hangs on them. */
    static int[] knownIds(PromptTokens tokens, String what) {
        int[] ids = tokens.ids();
        if (Arrays.stream(ids).anyMatch(id -> id < 0)) {
            throw new ModscanException("the ids of ready tensors are not known, so neither is " + what
                    + "; label them by position or span");
        }
        return ids;
    }

    @Override
    public String toString() {
        return name;
    }
}
