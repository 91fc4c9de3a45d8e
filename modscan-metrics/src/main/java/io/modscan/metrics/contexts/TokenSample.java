package io.modscan.metrics.contexts;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * A random sample of all tokens, with the values of all units there: those whose hash is smallest. So it hangs on no order of prompts,
 * and samples of parts make one of the whole.
 */
final class TokenSample {

    private final int most;
    /** By hash. Two tokens of one hash are as good as impossible; the second is then no part of it. */
    private final TreeMap<Long, Sampled> tokens = new TreeMap<>(Long::compareUnsigned);

    /**
     * A token of the sample.
     *
     * @param values of all units of all sites
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, only read
    record Sampled(TokenPlace place, float[] values) {}

    TokenSample(int most) {
        this.most = most;
    }

    /** What all hashes of a prompt's tokens begin with. */
    static long seed(String promptId) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : promptId.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return hash;
    }

    /** Spread evenly, as SplitMix64 does. */
    static long hash(long seed, int position) {
        long z = seed + (position + 1) * 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    boolean takes(long hash) {
        return tokens.size() < most || Long.compareUnsigned(hash, tokens.lastKey()) < 0;
    }

    void add(long hash, Sampled token) {
        tokens.putIfAbsent(hash, token);
        if (tokens.size() > most) {
            tokens.pollLastEntry();
        }
    }

    void merge(TokenSample other) {
        other.tokens.forEach((hash, token) -> {
            if (takes(hash)) {
                add(hash, token);
            }
        });
    }

    List<Sampled> tokens() {
        return new ArrayList<>(tokens.values());
    }
}
