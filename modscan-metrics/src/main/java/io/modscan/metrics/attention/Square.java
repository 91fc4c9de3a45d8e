package io.modscan.metrics.attention;

import java.nio.FloatBuffer;

/**
 * One head's values of one prompt, one for each query and key.
 *
 * @param values [heads, tokens, tokens], queries before keys
 * @param head   which of the heads
 * @param tokens how many the prompt has
 * @param hasBos 1 if the first key is BOS, 0 if not, NaN if not known
 */
record Square(FloatBuffer values, int head, int tokens, double hasBos) {

    float get(int query, int key) {
        return values.get((head * tokens + query) * tokens + key);
    }
}
