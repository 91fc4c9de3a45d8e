package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.core.token.PromptTokens;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.tokens.TokenLabels;
import io.modscan.metrics.tokens.TokenSelectivity;
import io.modscan.metrics.tokens.TokenSelectivityMap;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Labels that were drawn by lot, on the heads and neurons of the demo's model: whatever is found is chance, so p has to be at 0.05 or below as
 * often as it says. Real neurons are mostly zero, skewed, and alike at neighbouring tokens, as no made-up noise is. The system property {@code
 * modscan.seeds} says how often labels are drawn.
 */
class DemoTokensTest {

    private static final int SEEDS = Integer.getInteger("modscan.seeds", 2);

    /** One token anywhere; three in a row; one that mostly stands early; a tenth of the tokens. */
    private static Map<String, int[]> drawn(PromptTokens tokens, long seed) {
        Random random = new Random(31L * Arrays.hashCode(tokens.ids()) + seed);
        int size = tokens.size();
        int first = random.nextInt(size - 2);
        return Map.of(
                "one",
                new int[] {random.nextInt(size)},
                "row",
                IntStream.range(first, first + 3).toArray(),
                "early",
                new int[] {(int) (size * Math.pow(random.nextDouble(), 3))},
                "tenth",
                random.ints(0, size)
                        .distinct()
                        .limit(Math.max(1, size / 10))
                        .sorted()
                        .toArray());
    }

    @Test
    void labelsDrawnByLotAreFoundAsOftenAsPSays() {
        Activations activations;
        try (Probe probe = Probe.builder(DemoModel.open())
                .sites(Sites.z().magnitude(), Sites.mlpPost())
                .pooling(Pooling.none())
                .build()) {
            activations = probe.capture(DemoModel.prompts());
        }
        long rows = 0;
        long low = 0;
        long veryLow = 0;
        int claiming = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            long of = seed;
            TokenSelectivityMap map =
                    activations.measure(TokenSelectivity.by(TokenLabels.of("drawn", tokens -> drawn(tokens, of))));
            for (String label : map.labels()) {
                long measured = map.size() / map.labels().size() - map.notMeasured(label);
                double share = (double) map.count(label, row -> row.p() <= 0.05) / measured;
                System.out.printf(Locale.ROOT, "%d %-6s p <= 0.05: %.4f%n", seed, label, share);
                // Units of one model go together, so that shares spread more than those of independent tests.
                assertThat(share).isBetween(0.02, 0.09);
                rows += measured;
            }
            low += map.count(row -> row.p() <= 0.05);
            veryLow += map.count(row -> row.p() <= 0.001);
            claiming += map.count(row -> row.q() <= 0.05) > 0 ? 1 : 0;
        }
        System.out.printf(
                Locale.ROOT,
                "of %d rows p <= 0.05: %.4f, p <= 0.001: %.5f; measurements with q <= 0.05: %d of %d%n",
                rows,
                (double) low / rows,
                (double) veryLow / rows,
                claiming,
                SEEDS);
        assertThat((double) low / rows).isBetween(0.03, 0.06);
        assertThat((double) veryLow / rows).isLessThan(0.002);
    }
}
