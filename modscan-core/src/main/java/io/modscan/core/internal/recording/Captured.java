package io.modscan.core.internal.recording;

import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Reading;
import io.modscan.core.token.PromptTokens;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;

/**
 * What was captured of some prompts: what the engine hands on, what a file is written of, and what is read from one.
 *
 * @param prompts  the prompts
 * @param tokens   what was run for each prompt; a list that reads them when asked will do
 * @param facts    the provenance
 * @param readings what was read
 * @param rows     for each reading a buffer a prompt with its values from 0 to its capacity; here too a list may make them
 *                 when asked, and it is asked often
 */
public record Captured(
        Prompts prompts,
        List<PromptTokens> tokens,
        Map<String, String> facts,
        List<Reading> readings,
        List<List<FloatBuffer>> rows) {}
