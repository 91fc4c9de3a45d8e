package io.modscan.core.internal.recording;

import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** The keys of a capture's facts, in its provenance and in its files' metadata. A model adds facts of its own to them. */
public final class Keys {

    /** What the model takes, as decimal numbers; there only where it is known. */
    public static final String BOS_TOKEN_ID = "model.bos_token_id";

    public static final String MAX_TOKENS = "model.max_tokens";
    public static final String VOCABULARY_SIZE = "model.vocabulary_size";

    /** How it was captured. */
    public static final String VERSION = "modscan.version";

    public static final String PLAN = "modscan.plan";
    /** The sites that might be changed; there only if there were some. */
    public static final String CHANGING = "modscan.changing";

    /** What gradients are of, as JSON; there only if some were read. */
    public static final String OBJECTIVE = "modscan.objective";

    public static final String BATCHES = "modscan.batches";

    /** What values were rounded to on their way to a file, one behind the other; there only if they were. */
    public static final String ROUNDED_TO = "modscan.rounded_to";

    /** Of what it was captured. */
    public static final String PROMPT_COUNT = "modscan.prompt_count";

    public static final String TOKENS_SHA256 = "modscan.tokens_sha256";

    /** A hash of the positions that poolings are over, prompt by prompt; there only in files, and where some are chosen. */
    public static final String POSITIONS_SHA256 = "modscan.positions_sha256";

    /** The interventions that prompts were run under, as JSON; there only if there were some. */
    public static final String INTERVENTIONS = "modscan.interventions";

    /** What each of several files tells of its own prompts. */
    public static final List<String> OF_PROMPTS = List.of(PROMPT_COUNT, TOKENS_SHA256, POSITIONS_SHA256, INTERVENTIONS);

    /** There if BOS is no longer among the token ids. */
    public static final String BOS = "modscan.bos";

    /** Of a file only: its prompts, its sites, and, if it is one of several, which of the prompts are in it. */
    public static final String PROMPTS = "modscan.prompts";

    public static final String SITES = "modscan.sites";
    public static final String SHARD = "modscan.shard";

    private Keys() {}

    /** A number, where it is known (once, -1 stood where it was not); files are checked to hold one when they are opened. */
    public static OptionalInt number(Map<String, String> facts, String key) {
        int number = Integer.parseInt(facts.getOrDefault(key, "-1"));
        return number < 0 ? OptionalInt.empty() : OptionalInt.of(number);
    }

    /** Adds a number if it is known. */
    public static void put(Map<String, String> facts, String key, OptionalInt number) {
        number.ifPresent(known -> facts.put(key, Integer.toString(known)));
    }
}
