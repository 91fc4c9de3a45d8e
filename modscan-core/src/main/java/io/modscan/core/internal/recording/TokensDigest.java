package io.modscan.core.internal.recording;

import io.modscan.core.intervention.Intervention;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The part of the provenance that tells of the prompts: how many, and a hash of what was run for them. */
public final class TokensDigest {

    /** Of more interventions than these the facts tell none; each prompt tells of its own. */
    private static final int MOST_NOTED = 100;

    private final MessageDigest digest;
    private final Map<String, Intervention> interventions = new LinkedHashMap<>();
    private long prompts;

    public TokensDigest() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** The facts about some prompts. */
    public static Map<String, String> of(Iterable<Prompt> prompts, List<PromptTokens> tokens) {
        return new TokensDigest().add(prompts, tokens).facts();
    }

    /** A hash of what was chosen of each prompt: of conditions, files know no more than a name. */
    static String ofChoices(List<Map<Positions, int[]>> chosen) {
        TokensDigest all = new TokensDigest();
        for (Map<Positions, int[]> ofPrompt : chosen) {
            ofPrompt.entrySet().stream()
                    .map(entry -> entry.getKey() + " " + Arrays.toString(entry.getValue()) + "\n")
                    .sorted()
                    .forEach(line -> all.digest.update(line.getBytes(StandardCharsets.UTF_8)));
        }
        return HexFormat.of().formatHex(all.digest.digest());
    }

    /** Counts further prompts in, with their ids. Where a prompt is of ready tensors, these are what was run. */
    public TokensDigest add(Iterable<Prompt> more, List<PromptTokens> tokens) {
        prompts += tokens.size();
        Iterator<Prompt> iterator = more.iterator();
        for (PromptTokens run : tokens) {
            Prompt prompt = iterator.next();
            String tensors = prompt.tensorsSha256().map(sha -> " " + sha).orElse("");
            String under = prompt.intervention().map(this::noted).orElse("");
            String toward = prompt.toward()
                    .map(intervention -> " toward " + intervention.sha256())
                    .orElse("");
            String spans = run.spans().isEmpty() ? "" : " spans " + run.spans();
            String kept = run.isAllKept() ? "" : " keeping " + Arrays.toString(run.kept());
            digest.update((Arrays.toString(run.ids()) + tensors + under + toward + spans + kept + "\n")
                    .getBytes(StandardCharsets.UTF_8));
        }
        return this;
    }

    private String noted(Intervention intervention) {
        if (interventions.size() <= MOST_NOTED) {
            interventions.putIfAbsent(intervention.sha256(), intervention);
        }
        return " under " + intervention.sha256();
    }

    /** The facts by key; to be asked for once, at the end. */
    public Map<String, String> facts() {
        Map<String, String> facts = new TreeMap<>();
        facts.put(Keys.PROMPT_COUNT, Long.toString(prompts));
        facts.put(Keys.TOKENS_SHA256, HexFormat.of().formatHex(digest.digest()));
        if (!interventions.isEmpty()) {
            facts.put(
                    Keys.INTERVENTIONS,
                    interventions.size() > MOST_NOTED
                            ? "[]"
                            : interventions.values().stream()
                                    .map(Intervention::toJson)
                                    .collect(Collectors.joining(",", "[", "]")));
        }
        return facts;
    }
}
