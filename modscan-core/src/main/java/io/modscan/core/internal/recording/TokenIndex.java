package io.modscan.core.internal.recording;

import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.Aim;
import java.nio.LongBuffer;
import java.util.Optional;
import java.util.function.IntPredicate;

/**
 * Finds a recorded prompt by its token ids, its intervention and its aim: a hash table of indices, twelve to twenty bytes a prompt, that leaves the ids
 * where they are. Immutable; safe for use by many threads.
 */
public final class TokenIndex {

    private final RecordedShards shards;
    private final int[] hashes;
    /** A prompt's index + 1, or 0 where there is none; at least half is empty. */
    private final int[] table;

    /** Reads all ids once. */
    public TokenIndex(RecordedShards shards) {
        this.shards = shards;
        this.hashes = new int[shards.size()];
        this.table = new int[Integer.highestOneBit(Math.max(2, Math.min(shards.size(), 1 << 28))) << 2];
        for (int prompt = 0; prompt < hashes.length; prompt++) {
            if (shards.isOfTensors(prompt)) {
                continue; // its ids tell nothing of it but its length
            }
            LongBuffer ids = shards.rawTokenIds(prompt);
            Run run = new Run(shards.intervention(prompt), Optional.of(shards.aim(prompt)));
            hashes[prompt] = hash(ids, run);
            int same = prompt;
            int slot =
                    slot(ids, run, hashes[prompt], other -> shards.tokens(other).equals(shards.tokens(same)));
            // Of prompts with the same tokens and spans, run in the same way, the first stands for all: they have the
            // same activations.
            if (table[slot] == 0) {
                table[slot] = prompt + 1;
            }
        }
    }

    /**
     * How a prompt was run, beside its ids.
     *
     * @param aim empty if it does not matter, as where no gradients are asked for
     */
    record Run(Optional<Intervention> under, Optional<Aim> aim) {}

    /**
     * The index of the first prompt with these ids that was run in this way, or -1.
     *
     * @param fits what else is asked of it
     */
    int find(LongBuffer ids, Run run, IntPredicate fits) {
        return table[slot(ids, run, hash(ids, run), fits)] - 1;
    }

    /** Where these ids are, or the empty slot where they would go. */
    private int slot(LongBuffer ids, Run run, int hash, IntPredicate fits) {
        int slot = hash & (table.length - 1);
        while (table[slot] != 0) {
            int prompt = table[slot] - 1;
            if (hashes[prompt] == hash
                    && shards.rawTokenIds(prompt).equals(ids)
                    && shards.intervention(prompt).equals(run.under())
                    && run.aim().map(shards.aim(prompt)::equals).orElse(true)
                    && fits.test(prompt)) {
                return slot;
            }
            slot = (slot + 1) & (table.length - 1);
        }
        return slot;
    }

    private static int hash(LongBuffer ids, Run run) {
        // Not of the aim, since prompts are looked for without it, too.
        long hash = ids.remaining() + 31L * run.under().hashCode();
        for (int i = ids.position(); i < ids.limit(); i++) {
            hash = (hash ^ ids.get(i)) * 0x9e3779b97f4a7c15L;
            hash ^= hash >>> 32;
        }
        return (int) hash;
    }
}
