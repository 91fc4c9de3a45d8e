package io.modscan.core.model;

/** Turns texts into a model's token ids and back. Implementations are safe for use by many threads. */
public interface Tokenizer {

    /**
     * The ids of a text, with whatever the model expects in front, neither cut nor padded. For OPT that is one BOS token,
     * put there here and nowhere else; a BOS that is spelled out in the text is the text's own and stays.
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
