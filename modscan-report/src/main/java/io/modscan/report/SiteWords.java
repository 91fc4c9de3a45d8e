package io.modscan.report;

import java.util.Locale;
import java.util.Map;

/** What kinds of sites are called where somebody reads who knows no names of tensors. Sites of foreign models keep their own names. */
final class SiteWords {

    private static final String MAGNITUDE = ".magnitude";

    /** By the name without the block. */
    private static final Map<String, String> KINDS = Map.ofEntries(
            Map.entry("hook_embed", "Token embeddings"),
            Map.entry("hook_pos_embed", "Position embeddings"),
            Map.entry("hook_resid_pre", "Residual stream before attention"),
            Map.entry("hook_resid_mid", "Residual stream before the MLP"),
            Map.entry("hook_resid_post", "Residual stream after the MLP"),
            Map.entry("ln1.hook_normalized", "Attention: what it is given"),
            Map.entry("ln2.hook_normalized", "MLP: what it is given"),
            Map.entry("ln_final.hook_normalized", "Residual stream at the end"),
            Map.entry("attn.hook_q", "Heads: queries"),
            Map.entry("attn.hook_k", "Heads: keys"),
            Map.entry("attn.hook_v", "Heads: values"),
            Map.entry("attn.hook_attn_scores", "Heads: attention scores"),
            Map.entry("attn.hook_pattern", "Heads: what each attends to"),
            Map.entry("attn.hook_pattern.behaviour", "Heads: how each attends"),
            Map.entry("attn.hook_z", "Heads: what each gives"),
            Map.entry("attn.hook_z.magnitude", "Heads: how much each writes"),
            Map.entry("attn.hook_result", "Heads: what each adds to the residual stream"),
            Map.entry("attn.hook_result.magnitude", "Heads: how much each adds to the residual stream"),
            Map.entry("hook_attn_out", "Attention: what it adds to the residual stream"),
            Map.entry("mlp.hook_pre", "Neurons: what each is given"),
            Map.entry("mlp.hook_post", "Neurons: how active each is"),
            Map.entry("hook_mlp_out", "MLP: what it adds to the residual stream"),
            Map.entry("logits", "Logits of the next token"),
            Map.entry("loss", "Loss at each token"));

    /** By the names of {@code HeadBehaviour}. */
    private static final Map<String, String> BEHAVIOURS = Map.of(
            "ENTROPY", "how widely it looks (entropy)",
            "DISTANCE", "how far back it looks (tokens)",
            "BOS", "attention to the first token (BOS)",
            "SELF", "attention to the token itself",
            "PREVIOUS", "attention to the token before");

    private SiteWords() {}

    /**
     * A site's kind in words.
     *
     * @param pattern the site's name with {@code *} for the layer
     * @return the name itself where nobody knows it
     */
    static String of(String pattern) {
        String kind = pattern.replaceFirst("^blocks\\.\\*\\.", "");
        String words = KINDS.get(kind);
        if (words == null && kind.endsWith(MAGNITUDE)) {
            String vector = KINDS.get(kind.substring(0, kind.length() - MAGNITUDE.length()));
            words = vector == null ? null : vector + ", length of the vector";
        }
        return words == null ? pattern : words;
    }

    /** A unit that has a name, such as {@code ENTROPY}, in words. */
    static String ofUnit(String name) {
        return BEHAVIOURS.getOrDefault(name, name.toLowerCase(Locale.ROOT));
    }
}
