package io.modscan.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.SiteActivations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.metrics.tokens.TokenLabels;
import io.modscan.metrics.tokens.TokenSelectivity;
import io.modscan.metrics.tokens.TokenSelectivityMap;
import io.modscan.metrics.tokens.UnitTokenSelectivity;
import io.modscan.onnx.opt.OptModel;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whether the heads that write most at repeated tokens are those that do induction by the usual score: the mean attention from a repeated token to the one
 * behind its last occurrence (Olsson et al., "In-context learning and induction heads", 2022, doi:10.48550/arXiv.2209.11895).
 */
class InductionTest {

    @TempDir
    private static Path folder;

    private static OptModel model;
    private static Prompts prompts;
    private static Map<String, Double> scores;

    @BeforeAll
    static void open() {
        model = InductionOpt.open(folder);
        prompts = prompts();
        scores = scores();
    }

    /** BOS, up to ten random tokens, and four to ten others twice; no other token comes twice. */
    private static Prompts prompts() {
        Random random = new Random(8);
        List<Prompt> made = new ArrayList<>();
        for (int prompt = 0; prompt < 60; prompt++) {
            List<Integer> tokens = new ArrayList<>(IntStream.range(InductionOpt.BOS + 1, InductionOpt.VOCABULARY)
                    .boxed()
                    .toList());
            Collections.shuffle(tokens, random);
            int before = random.nextInt(11);
            List<Integer> twice = tokens.subList(before, before + 4 + random.nextInt(7));
            List<Integer> ids = new ArrayList<>(List.of(InductionOpt.BOS));
            ids.addAll(tokens.subList(0, before));
            ids.addAll(twice);
            ids.addAll(twice);
            made.add(Prompt.ofTokens(
                    "p" + prompt, ids.stream().mapToInt(Integer::intValue).toArray()));
        }
        return Prompts.of(made);
    }

    private static Activations captured(SiteSelector sites) {
        try (Probe probe =
                Probe.builder(model).sites(sites).pooling(Pooling.none()).build()) {
            return probe.capture(prompts);
        }
    }

    private static String name(Site site, int head) {
        return site.layer().orElseThrow() + "." + head;
    }

    /** For each head by layer and number. */
    private static Map<String, Double> scores() {
        Activations patterns = captured(Sites.pattern());
        Map<String, Double> sums = new TreeMap<>();
        int repeated = 0;
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            int[] ids = patterns.tokenIds(prompt);
            Map<Integer, Integer> last = new HashMap<>();
            for (int query = 0; query < ids.length; query++) {
                Integer before = last.put(ids[query], query);
                if (before == null) {
                    continue;
                }
                repeated++;
                for (SiteActivations site : patterns.sites()) {
                    FloatBuffer row = site.row(prompt);
                    for (int head = 0; head < site.site().heads(); head++) {
                        double weight = row.get((head * ids.length + query) * ids.length + before + 1);
                        sums.merge(name(site.site(), head), weight, Double::sum);
                    }
                }
            }
        }
        int number = repeated;
        sums.replaceAll((head, sum) -> sum / number);
        return sums;
    }

    private static boolean isInduction(String head) {
        return InductionOpt.INDUCTION.stream().anyMatch(each -> head.equals("1." + each));
    }

    @Test
    void theModelDoesInduction() {
        assertThat(scores).hasSize(8);
        scores.forEach((head, score) -> {
            if (isInduction(head)) {
                assertThat(score).as(head).isGreaterThan(0.9);
            } else {
                assertThat(score).as(head).isLessThan(0.2);
            }
        });
    }

    private static void agrees(SiteSelector magnitudes) {
        TokenSelectivityMap map = captured(magnitudes).measure(TokenSelectivity.by(TokenLabels.repeated()));
        assertThat(map.labels()).containsExactly("repeated");
        assertThat(map.notMeasured("repeated")).isZero();
        map.rows()
                .forEach(row ->
                        System.out.printf(Locale.ROOT, "%s   induction score %.3f%n", row, scores.get(head(row))));
        List<String> byScore = scores.keySet().stream()
                .sorted((a, b) -> Double.compare(scores.getOrDefault(b, 0.0), scores.getOrDefault(a, 0.0)))
                .limit(InductionOpt.INDUCTION.size())
                .toList();
        List<UnitTokenSelectivity> top = map.top("repeated", InductionOpt.INDUCTION.size());
        assertThat(top.stream().map(InductionTest::head)).containsExactlyInAnyOrderElementsOf(byScore);
        assertThat(top).allSatisfy(row -> {
            assertThat(row.q()).isLessThan(1e-3);
            assertThat(row.auroc()).isGreaterThan(0.9);
        });
        assertThat(map.rows().filter(row -> !isInduction(head(row)))).allSatisfy(row -> {
            assertThat(row.q()).isGreaterThan(0.05);
            assertThat(row.auroc()).isBetween(0.4, 0.6);
        });
    }

    private static String head(UnitTokenSelectivity row) {
        return name(row.unit().site(), row.unit().head().orElseThrow());
    }

    @Test
    void headsThatAnswerRepeatedTokensAreThoseOfTheScoreByWhatTheyRead() {
        agrees(Sites.z().magnitude());
    }

    @Test
    void headsThatAnswerRepeatedTokensAreThoseOfTheScoreByWhatTheyWrite() {
        agrees(Sites.result().magnitude());
    }
}
