package io.modscan.metrics.modules;

import io.modscan.core.token.PromptTokens;

/**
 * Some tokens of a prompt, each unit's mean over all tokens of the prompt taken out.
 *
 * @param id      of the prompt
 * @param tokens  what was run
 * @param indices which of them these are, ascending
 * @param bos     1 if the first token is BOS, which counts as no position, else 0
 * @param length  the number of tokens of the prompt, without BOS
 * @param values  of each of these tokens all units' values, one behind the other
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
record SampledPrompt(String id, PromptTokens tokens, int[] indices, int bos, int length, float[] values) {

    /** How many tokens of it there are. */
    int size() {
        return indices.length;
    }

    /** The position of one of them, from 0, BOS not counted. */
    int position(int token) {
        return indices[token] - bos;
    }

    /** A unit's value at one of them. */
    float value(int token, int unit) {
        return values[token * (values.length / indices.length) + unit];
    }
}
