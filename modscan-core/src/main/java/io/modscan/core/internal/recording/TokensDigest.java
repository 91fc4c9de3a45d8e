package io.modscan.core.internal.recording;

import io.modscan.core.prompt.Prompt;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The part of the provenance that tells of the prompts: how many, and a hash of what was run for them. */
public final class TokensDigest {

    private final MessageDigest digest;
    private long prompts;

    public TokensDigest() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** The facts about some prompts. */
    public static Map<String, String> of(Iterable<Prompt> prompts, List<int[]> tokenIds) {
        return new TokensDigest().add(prompts, tokenIds).facts();
    }

    /** Counts further prompts in, with their ids. Where a prompt is of ready tensors, these are what was run. */
    public TokensDigest add(Iterable<Prompt> more, List<int[]> tokenIds) {
        prompts += tokenIds.size();
        Iterator<Prompt> iterator = more.iterator();
        for (int[] ids : tokenIds) {
            String tensors =
                    iterator.next().tensorsSha256().map(sha -> " " + sha).orElse("");
            digest.update((Arrays.toString(ids) + tensors + "\n").getBytes(StandardCharsets.UTF_8));
        }
        return this;
    }

    /** The facts by key; to be asked for once, at the end. */
    public Map<String, String> facts() {
        return Map.of(
                Keys.PROMPT_COUNT,
                Long.toString(prompts),
                Keys.TOKENS_SHA256,
                HexFormat.of().formatHex(digest.digest()));
    }
}
