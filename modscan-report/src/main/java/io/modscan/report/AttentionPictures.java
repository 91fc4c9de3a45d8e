package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** The numbers behind attention patterns: what each head attends to in some prompts. */
final class AttentionPictures {

    /** Bytes, one for each pair of positions of each head. */
    private static final long MOST_BYTES = 700_000;

    private AttentionPictures() {}

    /** @param place where a prompt is among the page's */
    static Map<String, Object> write(
            Activations patterns, IntFunction<String> token, List<Integer> place, PageNumbers numbers) {
        SiteFamily family = SiteFamily.of(
                        patterns.sites().stream().map(SiteActivations::site).toList())
                .get(0);
        List<Map<String, Object>> prompts = new ArrayList<>();
        long left = MOST_BYTES;
        for (int prompt = 0; prompt < patterns.prompts().size(); prompt++) {
            int[] ids = patterns.tokenIds(prompt);
            int square = family.heads() * ids.length * ids.length;
            left -= (long) family.sites().size() * square;
            if (left < 0 && !prompts.isEmpty()) {
                break;
            }
            byte[] all = new byte[family.sites().size() * square];
            for (int layer = 0; layer < family.sites().size(); layer++) {
                FloatBuffer row = patterns.at(family.sites().get(layer)).row(prompt);
                if (row.remaining() != square) {
                    throw new ModscanException(family.sites().get(layer) + " holds " + row.remaining()
                            + " values of a prompt of " + ids.length + " tokens; an attention pattern has " + square);
                }
                for (int i = 0; i < square; i++) {
                    all[layer * square + i] = (byte) Math.round(255 * Math.max(0, Math.min(1, row.get(i))));
                }
            }
            numbers.unsignedBytes("attention" + prompts.size(), all);
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("prompt", place.get(prompt));
            facts.put("tokens", Arrays.stream(ids).mapToObj(token).toList());
            prompts.add(facts);
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("layers", family.layers());
        facts.put("heads", family.heads());
        facts.put("prompts", prompts);
        return facts;
    }
}
