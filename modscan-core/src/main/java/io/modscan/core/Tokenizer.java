package io.modscan.core;

/** Turns texts into a model's token ids and back. Implementations are safe for use by many threads. */
public interface Tokenizer {

    /**
     * The ids of a text, with whatever the model expects in front (for OPT one BOS token), neither cut nor padded.
     *
     * @param text any text
     * @return the ids
     */
    int[] encode(String text);

    /**
     * The text of ids.
     *
     * @param ids token ids
     * @return the text, special tokens included
     */
    String decode(int... ids);
}
