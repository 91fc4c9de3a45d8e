package io.modscan.metrics.tokens;

import io.modscan.core.error.ModscanException;
import java.util.Arrays;

/**
 * Ranks a unit's values among those of one prompt. Equal values are put in an order that looks random and follows from the prompt, the
 * site and the unit: of tokens that could as well change places, each then has each rank as often, whatever the values' distribution.
 */
final class TokenRanks {

    /** A key holds so many bits of a token's index. */
    private static final int INDEX_BITS = 16;

    /** What is known of a unit's values in a prompt. */
    enum Kind {
        RANKED,
        /** All are equal. */
        SILENT,
        /** One is NaN or infinite. */
        NOT_FINITE
    }

    private long[] keys = new long[0];
    private int[] ranks = new int[0];

    static void checkLength(String prompt, int tokens) {
        if (tokens > 1 << INDEX_BITS) {
            throw new ModscanException("the prompt '" + prompt + "' has " + tokens + " tokens, and at most "
                    + (1 << INDEX_BITS) + " of one prompt can be compared; cut it");
        }
    }

    /** Ranks from 0, of the last values that were ranked. */
    int[] ranks() {
        return ranks;
    }

    /**
     * Ranks values.
     *
     * @param values holds them from an index on, one a token
     * @param seed   tells prompt, site and unit
     */
    Kind rank(float[] values, int from, int tokens, long seed) {
        if (keys.length != tokens) {
            keys = new long[tokens];
            ranks = new int[tokens];
        }
        for (int token = 0; token < tokens; token++) {
            float value = values[from + token];
            if (!Float.isFinite(value)) {
                return Kind.NOT_FINITE;
            }
            long order = mix(seed + token * 0x9E3779B97F4A7C15L) >>> (Long.SIZE - INDEX_BITS);
            keys[token] = ((long) sortable(value) << (2 * INDEX_BITS)) | (order << INDEX_BITS) | token;
        }
        Arrays.sort(keys);
        if (tokens == 0 || keys[0] >> (2 * INDEX_BITS) == keys[tokens - 1] >> (2 * INDEX_BITS)) {
            return Kind.SILENT;
        }
        for (int rank = 0; rank < tokens; rank++) {
            ranks[(int) (keys[rank] & ((1 << INDEX_BITS) - 1))] = rank;
        }
        return Kind.RANKED;
    }

    /** A whole number that is the larger the larger the value is; −0 and 0 have the same. */
    private static int sortable(float value) {
        int bits = Float.floatToRawIntBits(value + 0f);
        return bits ^ ((bits >> 31) & Integer.MAX_VALUE);
    }

    /** The finalizer of MurmurHash3, in Stafford's variant 13. */
    static long mix(long number) {
        long mixed = (number ^ (number >>> 30)) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
        return mixed ^ (mixed >>> 31);
    }
}
