package io.modscan.core;

import io.modscan.core.prompt.Prompt;
import java.util.List;

/**
 * Consecutive prompts with their tokens.
 *
 * @param first    the first one's index in the whole input
 * @param prompts  the prompts
 * @param tokenIds the ids to be run for each
 * @param last     whether the input ends with these
 */
record Chunk(long first, List<Prompt> prompts, List<int[]> tokenIds, boolean last) {

    /** The index behind the last one's. */
    long end() {
        return first + prompts.size();
    }

    long tokens() {
        return tokenIds.stream().mapToLong(ids -> ids.length).sum();
    }
}
