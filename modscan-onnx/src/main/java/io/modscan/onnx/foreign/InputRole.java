package io.modscan.onnx.foreign;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What a model of texts takes through one of its inputs. */
public enum InputRole {
    /** Token ids [batch, positions]; int64 or int32. */
    TOKEN_IDS,
    /** 1 at each real token, 0 at padding [batch, positions]; of any type of number, or bool. */
    ATTENTION_MASK,
    /** Which of two texts a token is of [batch, positions]; always the first, 0. */
    TOKEN_TYPES,
    /** Each token's number among its text's, from 0 [batch, positions]; 0 at padding. */
    POSITIONS,
    /** What a decoder keeps of earlier tokens, [batch, …] with a symbolic axis; always of none, so that each such axis but
     * the first is 0 long. */
    PAST;

    private static final Map<String, InputRole> USUAL = Map.ofEntries(
            Map.entry("input_ids", TOKEN_IDS),
            Map.entry("token_ids", TOKEN_IDS),
            Map.entry("input_tokens", TOKEN_IDS),
            Map.entry("tokens", TOKEN_IDS),
            Map.entry("ids", TOKEN_IDS),
            Map.entry("attention_mask", ATTENTION_MASK),
            Map.entry("input_mask", ATTENTION_MASK),
            Map.entry("padding_mask", ATTENTION_MASK),
            Map.entry("mask", ATTENTION_MASK),
            Map.entry("token_type_ids", TOKEN_TYPES),
            Map.entry("segment_ids", TOKEN_TYPES),
            Map.entry("type_ids", TOKEN_TYPES),
            Map.entry("position_ids", POSITIONS),
            Map.entry("positions", POSITIONS));

    /** The role of an input that is called so. */
    static Optional<InputRole> of(String input) {
        String name = input.toLowerCase(Locale.ROOT);
        return Optional.ofNullable(USUAL.get(name))
                .or(() ->
                        Optional.of(PAST).filter(past -> name.startsWith("past_key") || name.startsWith("past_value")));
    }
}
