package io.modscan.core.internal.recording;

import io.modscan.core.prompt.Prompt;
import java.util.List;

/**
 * Consecutive prompts with their tokens, all of them of one kind: ready tensors or not.
 *
 * @param first    the first one's index in the whole input
 * @param prompts  the prompts
 * @param tokenIds the ids to be run for each; -1 at each position of ready tensors
 * @param inputs   the bytes of the ready tensors of the prompt that has most; 0 where there are none
 * @param last     whether the input ends with these
 */
public record Chunk(long first, List<Prompt> prompts, List<int[]> tokenIds, long inputs, boolean last) {

    /** The index behind the last one's. */
    public long end() {
        return first + prompts.size();
    }

    /** The tokens of some of the prompts. */
    public long tokens(int... some) {
        long count = 0;
        for (int prompt : some) {
            count += tokenIds.get(prompt).length;
        }
        return count;
    }

    public long tokens() {
        return tokenIds.stream().mapToLong(ids -> ids.length).sum();
    }
}
