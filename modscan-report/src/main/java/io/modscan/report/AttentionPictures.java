package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** The numbers behind attention patterns: what each head attends to in some prompts. */
final class AttentionPictures {

    /** Bytes, one for each pair of positions of each head; of long prompts the first tokens are kept. */
    private static final long MOST_BYTES = 700_000;

    /** However many prompts there are. */
    private static final int FEWEST_TOKENS = 8;

    private AttentionPictures() {}

    /** @param place where a prompt is among the page's */
    static Map<String, Object> write(
            Activations patterns, IntFunction<String> token, List<Integer> place, PageNumbers numbers) {
        SiteFamily family = SiteFamily.of(
                        patterns.sites().stream().map(SiteActivations::site).toList())
                .get(0);
        List<Map<String, Object>> prompts = new ArrayList<>();
        int heads = family.sites().size() * family.heads();
        long each = MOST_BYTES / patterns.prompts().size() / heads;
        int most = Math.max(FEWEST_TOKENS, (int) Math.sqrt((double) each));
        for (int prompt = 0; prompt < patterns.prompts().size(); prompt++) {
            int[] ids = patterns.tokenIds(prompt);
            int shown = Math.min(ids.length, most);
            byte[] all = new byte[heads * shown * shown];
            int to = 0;
            for (Site site : family.sites()) {
                FloatBuffer row = patterns.at(site).row(prompt);
                if (row.remaining() != (long) family.heads() * ids.length * ids.length) {
                    throw new ModscanException(site + " holds " + row.remaining() + " values of a prompt of "
                            + ids.length + " tokens; an attention pattern has one for each head and pair");
                }
                for (int head = 0; head < family.heads(); head++) {
                    for (int query = 0; query < shown; query++) {
                        for (int key = 0; key < shown; key++) {
                            float share = row.get((head * ids.length + query) * ids.length + key);
                            all[to++] = (byte) Math.round(255 * Math.max(0, Math.min(1, share)));
                        }
                    }
                }
            }
            numbers.unsignedBytes("attention" + prompts.size(), all);
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("prompt", place.get(prompt));
            facts.put("tokens", Arrays.stream(ids, 0, shown).mapToObj(token).toList());
            facts.put("of", ids.length);
            prompts.add(facts);
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("pattern", family.name());
        facts.put("layers", family.layers());
        facts.put("heads", family.heads());
        facts.put("prompts", prompts);
        return facts;
    }
}
