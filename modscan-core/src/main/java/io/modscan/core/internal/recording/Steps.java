package io.modscan.core.internal.recording;

import java.util.List;

/**
 * The steps in which the values of a file come: each batch goes through each link.
 *
 * @param batches the prompts of each
 * @param links   the readings that each gives
 * @param windowBatches the most batches that are under way at a time; batches whose numbers differ by less are never in each
 *                other's place
 * @param stream  the most bytes that a link hands on of a batch
 */
public record Steps(List<int[]> batches, List<List<Integer>> links, int windowBatches, long stream) {

    int count() {
        return batches.size() * links.size();
    }

    int index(int link, int batch) {
        return link * batches.size() + batch;
    }

    boolean handsOn() {
        return stream > 0;
    }
}
