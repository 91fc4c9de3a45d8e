package io.modscan.metrics.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.modscan.core.Activations;
import io.modscan.core.MetricContract;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.PlantedModel;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Units that act together within prompts are found, and what else units have in common is not. */
class StepsTest {

    private static final int SEEDS = Integer.getInteger("modscan.seeds", 2);

    private static final int PROMPTS = 80;

    private static final Steps QUICK =
            Steps.find().withSearch(Modules.byCoActivation().withShuffles(3).withSplits(1));

    private static Modules search() {
        return Modules.byCoActivation().withShuffles(19).withSplits(3).withResolutions();
    }

    @Test
    void plantedStepsAreFound() {
        double all = 0;
        double lasting = 0;
        double least = 1;
        for (int seed = 0; seed < SEEDS; seed++) {
            PlantedSteps planted = new PlantedSteps(PROMPTS, 15, 12, seed);
            StepMap steps = planted.activations().measure(Steps.find().withSearch(search()));
            all += PlantedModules.agreement(
                            planted.truth(), planted.found(steps.map().modules()))
                    / SEEDS;
            double one = PlantedModules.agreement(
                    planted.truth(), planted.found(steps.map().lasting()));
            lasting += one / SEEDS;
            least = Math.min(least, one);
        }
        System.out.printf(
                "steps, %d seeds: adjusted Rand index %.3f, of those that last %.3f, at least %.3f%n",
                SEEDS, all, lasting, least);
        assertThat(all).isGreaterThan(0.95);
        assertThat(lasting).isGreaterThan(0.95);
    }

    @Test
    void topicsPositionsAndNoiseMakeNoStep() {
        int claimed = 0;
        int lasting = 0;
        int withPositions = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            Activations nothing = new PlantedSteps(PROMPTS, 0, 25, 1000 + seed).activations();
            ModuleMap map = nothing.measure(Steps.find().withSearch(search())).map();
            claimed += map.modules().stream().anyMatch(module -> module.p() <= 0.05) ? 1 : 0;
            lasting += map.lasting().isEmpty() ? 0 : 1;
            ModuleMap left = nothing.measure(Steps.find().withPositions().withSearch(search()))
                    .map();
            withPositions += left.lasting().isEmpty() ? 0 : 1;
        }
        System.out.printf(
                "nothing, %d seeds: p <= 0.05 in %d, lasting in %d; with positions lasting in %d%n",
                SEEDS, claimed, lasting, withPositions);
        // Of 50, more than 6 at a rate of 0.05 have a probability of 0.01.
        int most = (int) (0.12 * SEEDS);
        assertThat(claimed).isLessThanOrEqualTo(Math.max(1, most));
        assertThat(lasting).isLessThanOrEqualTo(most);
        assertThat(withPositions).isLessThanOrEqualTo(most);
    }

    @Test
    void keepsTheContract() {
        Activations activations = new PlantedSteps(30, 6, 3, 5).activations();
        MetricContract.of(QUICK, activations)
                .onNaN(steps -> assertThat(steps.map().leftOut()).hasSize(1))
                .verify();
        // A sample that leaves out prompts, and tokens of each.
        MetricContract.of(QUICK.withTokens(300).withTokensOfPrompt(20), activations)
                .verify();
    }

    @Test
    void aSampleIsAsLargeAsToldAndKnowsWhatItLeftOut() {
        StepMap steps = new PlantedSteps(60, 6, 3, 5)
                .activations()
                .measure(QUICK.withTokens(500).withTokensOfPrompt(20));
        assertThat(steps.tokens()).isBetween(400, 500);
        assertThat(steps.prompts()).isEqualTo(25);
        assertThat(steps.seenPrompts()).isEqualTo(60);
        assertThat(steps.seenTokens()).isBetween(60 * 20L, 60 * 50L);
        assertThat(steps.degrees()).isBetween(100, 500);
    }

    @Test
    void profilesTellWhere() {
        PlantedSteps planted = new PlantedSteps(40, 12, 5, 9);
        StepMap steps = planted.activations().measure(QUICK.withLabels(tokens -> Map.of("start", new int[] {0, 1, 2})));
        int[] truth = planted.truth();
        boolean[] seen = new boolean[3];
        for (StepProfile profile : steps.profiles()) {
            int step = truth[profile.module().units().get(0).inSite()];
            assertThat(profile.relative()).hasSize(10);
            assertThat(profile.beginning()).hasSize(8);
            assertThat(profile.beginning()).allMatch(mean -> mean.prompts() == 40 && mean.standardError() > 0);
            StepMean start = profile.labels().getOrDefault("start", new StepMean(0, 0, 0));
            assertThat(start.prompts()).isEqualTo(40);
            assertThat(start.mean())
                    .isCloseTo(
                            profile.beginning().subList(0, 3).stream()
                                    .mapToDouble(StepMean::mean)
                                    .average()
                                    .orElseThrow(),
                            within(1e-9));
            if (step >= 0 && step < 3) {
                seen[step] = true;
                double first = profile.relative().get(0).mean();
                double last = profile.relative().get(9).mean();
                switch (step) {
                    case 0 -> assertThat(first).isGreaterThan(last + 0.5);
                    case 1 -> assertThat(profile.peak().orElseThrow()).isBetween(2, 7);
                    default -> assertThat(last).isGreaterThan(first + 0.5);
                }
            }
        }
        assertThat(seen).containsOnly(true);
    }

    @Test
    void bosIsNoPosition() {
        PlantedSteps planted = new PlantedSteps(30, 6, 3, 5);
        Activations plain = planted.activations();
        int units = plain.onlySite().site().width();
        float[][] rows = new float[30][];
        List<PromptTokens> tokens = IntStream.range(0, 30)
                .mapToObj(prompt -> {
                    int[] ids = plain.tokenIds(prompt);
                    int[] with = new int[ids.length + 1];
                    with[0] = 777;
                    System.arraycopy(ids, 0, with, 1, ids.length);
                    rows[prompt] = new float[with.length * units];
                    Arrays.fill(rows[prompt], 0, units, 1000f * prompt);
                    plain.onlySite().row(prompt).get(0, rows[prompt], units, ids.length * units);
                    return PromptTokens.of(with, List.of());
                })
                .toList();
        Activations bos = Activations.builder(Prompts.of(IntStream.range(0, 30)
                        .mapToObj(prompt -> Prompt.ofTokens("p" + prompt, 1))
                        .toList()))
                .tokens(tokens)
                .provenance(Map.of("model.bos_token_id", "777"))
                .site(plain.onlySite().site(), Pooling.none(), rows)
                .build();
        assertThat(bos.knowsBos(0)).isTrue();
        assertThat(bos.measure(QUICK)).isEqualTo(plain.measure(QUICK));
        assertThat(bos.withoutBos().measure(QUICK)).isEqualTo(plain.measure(QUICK));
    }

    @Test
    void refusesWhatHasNoSteps() {
        Activations pooled = PlantedModel.of(
                List.of("a", "b", "a", "b"), new float[] {1, 2}, new float[] {2, 1}, new float[] {3, 3}, new float[] {
                    1, 3
                });
        assertThatThrownBy(() -> pooled.measure(Steps.find()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no vector for each token");
        Activations few = new PlantedSteps(9, 4, 2, 1).activations();
        assertThatThrownBy(() -> few.measure(Steps.find()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("at least 10 prompts");
        Activations enough = new PlantedSteps(20, 4, 2, 1).activations();
        assertThatThrownBy(() ->
                        enough.measure(Steps.find().withLabels(tokens -> Map.of("x", new int[] {tokens.size()}))))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("label 'x'");
        assertThatThrownBy(() -> Steps.find().withTokens(19)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Steps.find().withTokensOfPrompt(1)).isInstanceOf(IllegalArgumentException.class);
    }
}
