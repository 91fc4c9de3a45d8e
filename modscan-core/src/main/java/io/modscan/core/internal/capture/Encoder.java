package io.modscan.core.internal.capture;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenizedText;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tells the token ids of prompts, or the positions of ready tensors. For one run and one thread. */
public final class Encoder {

    private final Model model;
    private final Map<Integer, String> texts = new HashMap<>();
    private @Nullable Tokenizer tokenizer;
    private @Nullable Prompt first;
    private boolean firstIsTensors;

    Encoder(Model model) {
        this.model = model;
    }

    /**
     * A prompt's tokens.
     *
     * @param tokens      the tokens; -1 at each position of ready tensors
     * @param tensorBytes the bytes of the ready tensors
     * @param isTensors   whether the prompt is of ready tensors
     */
    record Encoded(PromptTokens tokens, long tensorBytes, boolean isTensors) {}

    /**
     * Encodes the next prompt.
     *
     * @throws ModscanException if it is not of the kind of those before, or the model refuses its tensors
     */
    Encoded encode(Prompt prompt) {
        @Nullable Map<String, InputTensor> tensors = prompt.tensors().orElse(null);
        checkKind(prompt, tensors != null);
        if (tensors != null) {
            int[] ids = new int[positions(prompt, tensors)];
            Arrays.fill(ids, -1);
            long bytes = tensors.values().stream()
                    .mapToLong(tensor -> tensor.data().capacity())
                    .sum();
            return new Encoded(inTokens(prompt, ids), bytes, true);
        }
        return new Encoded(
                prompt.tokenIds().map(ids -> inTokens(prompt, ids)).orElseGet(() -> tokenize(prompt)), 0, false);
    }

    /** A batch is of one kind, and so is all that is run in one go. */
    private void checkKind(Prompt prompt, boolean isTensors) {
        if (first == null) {
            first = prompt;
            firstIsTensors = isTensors;
        } else if (firstIsTensors != isTensors) {
            throw new ModscanException("prompt '" + prompt.id() + "' is " + kind(isTensors) + ", and prompt '"
                    + first.id() + "' is " + kind(firstIsTensors) + "; capture each kind by itself");
        }
    }

    private static String kind(boolean isTensors) {
        return isTensors ? "of ready tensors" : "a text or of token ids";
    }

    private int positions(Prompt prompt, Map<String, InputTensor> tensors) {
        int positions;
        try {
            positions = model.positions(tensors);
        } catch (ModscanException e) {
            throw new ModscanException("prompt '" + prompt.id() + "': " + e.getMessage(), e);
        }
        if (positions < 1) {
            throw new ModscanException("prompt '" + prompt.id() + "' has " + positions + " positions for " + model
                    + "; at least one is needed");
        }
        return positions;
    }

    private static PromptTokens inTokens(Prompt prompt, int... ids) {
        try {
            return PromptTokens.of(ids, prompt.spans());
        } catch (IllegalArgumentException e) {
            throw new ModscanException("prompt '" + prompt.id() + "': " + e.getMessage(), e);
        }
    }

    private PromptTokens tokenize(Prompt prompt) {
        String text = prompt.text().orElseThrow();
        try {
            if (prompt.spans().isEmpty()) {
                return PromptTokens.of(tokenizer().encode(text), List.of());
            }
            TokenizedText tokenized = tokenizer().tokenize(text);
            List<Span> spans = new ArrayList<>();
            for (Span span : prompt.spans()) {
                int[] positions = tokenized.positions(span.start(), span.end());
                // From the first to the last: what lies between, such as a special token that is spelled out, is in the
                // stretch, too.
                if (positions.length > 0) {
                    spans.add(new Span(span.label(), positions[0], positions[positions.length - 1] + 1));
                }
            }
            return PromptTokens.of(tokenized.ids(), spans);
        } catch (ModscanException e) {
            throw new ModscanException("prompt '" + prompt.id() + "': " + e.getMessage(), e);
        }
    }

    private Tokenizer tokenizer() {
        if (tokenizer == null) {
            tokenizer = model.tokenizer();
        }
        return tokenizer;
    }

    /** The text of a token alone. */
    String text(int id) {
        return texts.computeIfAbsent(id, unknown -> tokenizer().decode(unknown));
    }
}
