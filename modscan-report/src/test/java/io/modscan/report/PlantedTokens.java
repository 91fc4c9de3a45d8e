package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** Values token by token, of some of the planted prompts and units, for tokens whose texts try to break a page. */
final class PlantedTokens {

    static final int BOS = 0;
    static final String HALF = "\ud83d";

    /** What tokens are called, by id. */
    static final List<String> WORDS = List.of(
            "<s>",
            " word",
            Planted.SCRIPT,
            Planted.QUOTES,
            "line\n",
            "",
            "é",
            "שלום ",
            "עולם",
            "\u202eturned",
            "\tindented",
            "\u0000\u0007",
            HALF,
            "verylong".repeat(40),
            "</span></div><b onclick=window.hacked=3>",
            " end");

    static final int[] PICKED = {3, 17};
    static final int[] KEPT = {1, 3, 4};
    static final int NOT_FINITE = 5;

    /** The prompt of Hebrew. */
    static final int RIGHT_TO_LEFT = 2;

    private static final List<int[]> IDS = List.of(
            new int[] {BOS, 1, 2, 3, 4, 1, 15},
            new int[] {1, 5, 6, 10, 4, 9, 1},
            new int[] {7, 8, 7, 8},
            new int[] {BOS, 11, 12, 13, 14, 15},
            new int[] {BOS, 4, 10, 4, 10, 15});

    private PlantedTokens() {}

    /** As a tokenizer would. */
    static List<String> pieces(int... ids) {
        return Arrays.stream(ids).mapToObj(WORDS::get).toList();
    }

    /** Of the first prompts all heads, the neurons of the first layer, and two of the second's. Of the second prompt only some tokens are kept. */
    static Activations activations() {
        List<PromptTokens> tokens = IntStream.range(0, IDS.size())
                .mapToObj(prompt -> {
                    PromptTokens all = PromptTokens.of(IDS.get(prompt), List.of());
                    return prompt == 1 ? all.keeping(KEPT) : all;
                })
                .toList();
        Random random = new Random(9);
        Activations.Builder activations = Activations.builder(
                        Prompts.of(Planted.prompts().stream().limit(IDS.size()).toList()))
                .tokens(tokens)
                .provenance(Map.of("model.bos_token_id", Integer.toString(BOS)));
        for (Site site :
                Planted.units().sites().stream().map(each -> each.site()).toList()) {
            boolean heads = site.heads() > 0;
            int layer = site.layer().orElseThrow();
            if (heads || layer < 2) {
                add(activations, heads || layer == 0 ? site : site.pick(PICKED), tokens, random, heads);
            }
        }
        return activations.build();
    }

    private static void add(
            Activations.Builder activations, Site site, List<PromptTokens> tokens, Random random, boolean heads) {
        float[][] rows = new float[tokens.size()][];
        for (int prompt = 0; prompt < rows.length; prompt++) {
            rows[prompt] = new float[tokens.get(prompt).keptSize() * site.width()];
            for (int i = 0; i < rows[prompt].length; i++) {
                float value = (float) random.nextGaussian();
                // Heads' magnitudes have one sign.
                rows[prompt][i] = heads ? Math.abs(value) : value;
            }
        }
        if (!heads && site.layer().orElseThrow() == 0) {
            rows[0][3 * site.width() + NOT_FINITE] = Float.NaN;
        }
        activations.site(site, Pooling.none().over(Positions.parse("where:some")), rows);
    }
}
