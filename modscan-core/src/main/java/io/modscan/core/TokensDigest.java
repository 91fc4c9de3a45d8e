package io.modscan.core;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** The part of the provenance that tells of the prompts: how many, and a hash of what was run for them. */
final class TokensDigest {

    private final MessageDigest digest;
    private long prompts;

    TokensDigest() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** The facts about some prompts. */
    static Map<String, String> of(List<int[]> tokenIds) {
        return new TokensDigest().add(tokenIds).facts();
    }

    /** Counts further prompts in. */
    TokensDigest add(List<int[]> tokenIds) {
        prompts += tokenIds.size();
        for (int[] ids : tokenIds) {
            digest.update((Arrays.toString(ids) + "\n").getBytes(StandardCharsets.UTF_8));
        }
        return this;
    }

    /** The facts by key; to be asked for once, at the end. */
    Map<String, String> facts() {
        return Map.of(
                "modscan.prompt_count",
                Long.toString(prompts),
                "modscan.tokens_sha256",
                HexFormat.of().formatHex(digest.digest()));
    }
}
