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
    /** The other way round, as PyTorch's key_padding_mask: 1 at padding, 0 at each real token [batch, positions]; of any type
     * of number, or bool. */
    PADDING_MASK,
    /** What is added to attention scores: 0 at each real token, the lowest finite number at padding [batch, positions]; of a
     * floating type. */
    ADDITIVE_MASK,
    /** Which of two texts a token is of [batch, positions]; always the first, 0. */
    TOKEN_TYPES,
    /** Each token's number among its text's, from 0 [batch, positions]; 0 at padding. */
    POSITIONS,
    /** What a decoder keeps of earlier tokens; for tokens always of none, so that its own axis is 0 long. Which axis that is
     * and which is the batch, their symbols tell. Ready tensors may bring a real past. */
    PAST,
    /** None of these, whatever its name: what is put there comes as ready tensors. It takes a role back, and it asks for an
     * input that has a value in the file. */
    NONE;

    /**
     * Names that mean one thing wherever they are used. Of masks only one is among them: {@code mask}, {@code input_mask} and
     * {@code padding_mask} are 1 at real tokens in some libraries and at padding in others.
     */
    private static final Map<String, InputRole> USUAL = Map.ofEntries(
            Map.entry("input_ids", TOKEN_IDS),
            Map.entry("token_ids", TOKEN_IDS),
            Map.entry("input_tokens", TOKEN_IDS),
            Map.entry("tokens", TOKEN_IDS),
            Map.entry("ids", TOKEN_IDS),
            Map.entry("attention_mask", ATTENTION_MASK),
            Map.entry("token_type_ids", TOKEN_TYPES),
            Map.entry("segment_ids", TOKEN_TYPES),
            Map.entry("type_ids", TOKEN_TYPES),
            Map.entry("position_ids", POSITIONS),
            Map.entry("positions", POSITIONS));

    /** The role of an input that is called so. */
    static Optional<InputRole> of(String input) {
        String name = plain(input);
        return Optional.ofNullable(USUAL.get(name))
                .or(() ->
                        Optional.of(PAST).filter(past -> name.startsWith("past_key") || name.startsWith("past_value")));
    }

    /** TensorFlow counts a node's outputs behind its name. */
    private static String plain(String input) {
        return input.toLowerCase(Locale.ROOT).replaceFirst(":\\d+$", "");
    }

    boolean isMask() {
        return this == ATTENTION_MASK || this == PADDING_MASK || this == ADDITIVE_MASK;
    }
}
