package io.modscan.core.token;

/**
 * A token of a prompt.
 *
 * @param position its index among the prompt's tokens, BOS included
 * @param id       its id
 * @param text     what the tokenizer makes of this id alone, with the blank before a word where the tokenizer has it there; U+FFFD where
 *                 it is part of a character
 */
public record Token(int position, int id, String text) {}
