package io.modscan.core.internal.recording;

import io.modscan.core.prompt.Prompt;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import java.util.List;
import java.util.Map;

/**
 * Consecutive prompts with their tokens, all of them of one kind: ready tensors or not.
 *
 * @param first    the first one's index in the whole input
 * @param prompts  the prompts
 * @param tokens  what is run for each
 * @param chosen  for each prompt what the plan's choices of positions come to; empty if there are none
 * @param inputs   the bytes of the ready tensors of the prompt that has most; 0 where there are none
 * @param last     whether the input ends with these
 */
public record Chunk(
        long first,
        List<Prompt> prompts,
        List<PromptTokens> tokens,
        List<Map<Positions, int[]>> chosen,
        long inputs,
        boolean last) {

    /** The index behind the last one's. */
    public long end() {
        return first + prompts.size();
    }

    /** The number of tokens of some of the prompts. */
    public long count(int... some) {
        long count = 0;
        for (int prompt : some) {
            count += tokens.get(prompt).size();
        }
        return count;
    }

    /** The number of all tokens. */
    public long count() {
        return tokens.stream().mapToLong(PromptTokens::size).sum();
    }
}
