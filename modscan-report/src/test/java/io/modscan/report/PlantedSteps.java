package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import io.modscan.metrics.modules.Member;
import io.modscan.metrics.modules.StepMap;
import io.modscan.metrics.modules.StepMean;
import io.modscan.metrics.modules.StepProfile;
import io.modscan.metrics.modules.UnitModule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** What some units do within prompts: some fire at a label of tokens, and steps that are made by hand. */
final class PlantedSteps {

    static final int TOKENS = 12;
    static final List<String> LABELS = List.of("even", Planted.RIGHT_TO_LEFT, Planted.SCRIPT);
    static final int[] PICKED = {2, 7, 11};

    private PlantedSteps() {}

    /** All heads, and three neurons of the last layer: the first head of each layer, and the second of these neurons, fire at even positions. */
    static Activations activations() {
        Random random = new Random(17);
        Prompts prompts = Planted.prompts();
        List<PromptTokens> tokens = new ArrayList<>();
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            List<Span> spans = new ArrayList<>();
            for (int token = 0; token < TOKENS; token++) {
                if (token % 2 == prompt % 2) {
                    spans.add(new Span(LABELS.get(0), token, token + 1));
                }
                if (random.nextInt(3) == 0) {
                    spans.add(new Span(LABELS.get(1 + random.nextInt(2)), token, token + 1));
                }
            }
            tokens.add(PromptTokens.of(IntStream.range(0, TOKENS).toArray(), spans));
        }
        Activations.Builder activations = Activations.builder(prompts).tokens(tokens);
        for (Site site :
                Planted.units().sites().stream().map(each -> each.site()).toList()) {
            boolean heads = site.heads() > 0;
            if (heads || site.layer().orElseThrow() == Planted.LAYERS - 1) {
                Site kept = heads ? site : site.pick(PICKED);
                float[][] rows = new float[prompts.size()][TOKENS * kept.width()];
                for (int prompt = 0; prompt < rows.length; prompt++) {
                    for (int i = 0; i < rows[prompt].length; i++) {
                        boolean fires = i % kept.width() == (heads ? 0 : 1) && i / kept.width() % 2 == prompt % 2;
                        rows[prompt][i] = (float) (random.nextGaussian() + (fires ? 2 : 0));
                    }
                }
                activations.site(kept, Pooling.none(), rows);
            }
        }
        return activations.build();
    }

    /** Two modules, the second of picked neurons. */
    static StepMap steps() {
        List<Site> sites =
                activations().sites().stream().map(each -> each.site()).toList();
        Site last = sites.get(sites.size() - 1);
        UnitModule heads = new UnitModule(
                List.of(new Member(Unit.of(sites.get(0), 0), 1, 0.9), new Member(Unit.of(sites.get(0), 2), 0.8, 0.7)),
                0.6,
                0.85,
                0.025);
        UnitModule neurons = new UnitModule(
                List.of(new Member(Unit.of(last, 1), 1, 1), new Member(Unit.of(last, 2), 0.9, 0.5)), 0.3, 0.4, 0.5);
        return new StepMap(
                Planted.modules(List.of(heads, neurons), List.of()),
                List.of(profile(heads, 1), profile(neurons, -2)),
                30,
                360,
                32,
                384,
                100,
                false);
    }

    private static StepProfile profile(UnitModule module, double height) {
        Map<String, StepMean> labels = new LinkedHashMap<>();
        labels.put(LABELS.get(0), new StepMean(height / 4, 0.05, 12));
        labels.put(LABELS.get(1), new StepMean(Double.NaN, Double.NaN, 0));
        labels.put(LABELS.get(2), new StepMean(-height / 4, Double.NaN, 1));
        return new StepProfile(
                module,
                IntStream.range(0, 10)
                        .mapToObj(part -> new StepMean(height * (part - 4.5) / 10, 0.01 * (part + 1), 30))
                        .toList(),
                IntStream.range(0, 8)
                        .mapToObj(token -> new StepMean(-height / (token + 1), 0.02, 30 - token))
                        .toList(),
                labels);
    }
}
