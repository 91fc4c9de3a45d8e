package io.modscan.metrics.contexts;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * A random sample of all tokens, with the values of all units there: those whose hash is smallest. So it hangs on no order of prompts,
 * and samples of parts make one of the whole.
 */
final class SampledTokens {

    private final int most;
    /** By hash. Two tokens of one hash are as good as impossible; the second is then no part of it. */
    private final TreeMap<Long, Sampled> tokens = new TreeMap<>(Long::compareUnsigned);

    /** A token of the sample. */
    static final class Sampled {
        private final TokenPlace place;
        private float[] values = {};

        Sampled(TokenPlace place) {
            this.place = place;
        }

        TokenPlace place() {
            return place;
        }

        /** Makes room for the values of all units, once. */
        void reserve(int units) {
            if (!isReserved()) {
                values = new float[units];
            }
        }

        boolean isReserved() {
            return values.length > 0;
        }

        /** Of all units of all sites. */
        float[] values() {
            return values;
        }
    }

    SampledTokens(int most) {
        this.most = most;
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

    void merge(SampledTokens other) {
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
