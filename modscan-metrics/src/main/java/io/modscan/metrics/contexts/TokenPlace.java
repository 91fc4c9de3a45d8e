package io.modscan.metrics.contexts;

import io.modscan.core.prompt.Prompt;
import io.modscan.core.token.PromptTokens;
import java.util.Arrays;
import java.util.Map;

/**
 * Where a token is, which all units that are strong there share.
 *
 * @param ids of the token and of those around it
 * @param at  which of them is the token's
 */
@SuppressWarnings("ArrayRecordComponent") // compared by prompt and position
record TokenPlace(String promptId, Map<String, String> labels, int position, int[] ids, int at) {

    static TokenPlace of(Prompt prompt, PromptTokens tokens, int position, int width) {
        int from = Math.max(0, position - width);
        int to = Math.min(tokens.size(), position + width + 1);
        return new TokenPlace(
                prompt.id(), prompt.labels(), position, Arrays.copyOfRange(tokens.ids(), from, to), position - from);
    }

    /** The first of the tokens, in the prompt. */
    int from() {
        return position - at;
    }

    boolean isAt(TokenPlace other) {
        return position == other.position && promptId.equals(other.promptId);
    }
}
