package io.modscan.metrics.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.token.PromptTokens;
import io.modscan.core.token.Span;
import io.modscan.metrics.PlantedModel;
import io.modscan.metrics.tokens.LabelledPrompt.Placed;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PositionProfileTest {

    private static final int BINS = 20;

    /** Prompts with one labelled token: the first in so many of ten, else any. */
    private static List<LabelledPrompt> prompts(int ofTenFirst, int number) {
        Random random = new Random(ofTenFirst);
        List<Prompt> prompts = new ArrayList<>();
        List<PromptTokens> tokens = new ArrayList<>();
        float[][] rows = new float[number][];
        for (int i = 0; i < number; i++) {
            int size = 5 + random.nextInt(25);
            int at = i % 10 < ofTenFirst ? 0 : random.nextInt(size);
            prompts.add(Prompt.ofTokens("p" + i, 1));
            tokens.add(PromptTokens.of(new int[size], List.of(new Span("a", at, at + 1))));
            rows[i] = new float[size];
        }
        Activations activations = Activations.builder(Prompts.of(prompts))
                .tokens(tokens)
                .site(PlantedModel.units("site", 1), Pooling.none(), rows)
                .build();
        return IntStream.range(0, number)
                .mapToObj(i -> LabelledPrompt.of(activations, i, TokenLabels.spans()))
                .toList();
    }

    private static Placed label(LabelledPrompt prompt) {
        return prompt.labels.get(0);
    }

    private static PositionProfile profile(List<LabelledPrompt> prompts) {
        Placed[][] placed = {prompts.stream().map(PositionProfileTest::label).toArray(Placed[]::new)};
        return PositionProfile.of(prompts, IntStream.range(0, prompts.size()).toArray(), placed, BINS);
    }

    /** What is left of each prompt's number when the positions' part of values is taken out. */
    private static double[] adjusted(List<LabelledPrompt> prompts, PositionProfile profile, List<double[]> values) {
        double[] ofBins = new double[BINS];
        double ofLabel = 0;
        double[] numbers = new double[prompts.size()];
        for (int i = 0; i < numbers.length; i++) {
            LabelledPrompt prompt = prompts.get(i);
            double[] ofPrompt = values.get(i);
            double mean = Arrays.stream(ofPrompt).average().orElseThrow();
            for (int token = 0; token < ofPrompt.length; token++) {
                ofBins[prompt.bins[prompt.binOf[token]]] += ofPrompt[token] - mean;
            }
            double in = ofPrompt[label(prompt).at[0]];
            ofLabel += in - mean;
            numbers[i] = in - (mean * ofPrompt.length - in) / (ofPrompt.length - 1);
        }
        double[] ofPositions = profile.profile(0, ofBins, ofLabel);
        Arrays.setAll(numbers, i -> numbers[i] - prompts.get(i).profiled(label(prompts.get(i)), ofPositions));
        return numbers;
    }

    private static List<double[]> values(
            List<LabelledPrompt> prompts,
            ToDoubleFunction<Integer> ofBin,
            double ofLabel,
            Random noise,
            double deviation) {
        List<double[]> values = new ArrayList<>();
        for (LabelledPrompt prompt : prompts) {
            double[] ofPrompt = new double[prompt.tokens];
            double shared = noise.nextGaussian();
            for (int token = 0; token < ofPrompt.length; token++) {
                ofPrompt[token] = shared
                        + ofBin.applyAsDouble(prompt.bins[prompt.binOf[token]])
                        + (token == label(prompt).at[0] ? ofLabel : 0)
                        + deviation * noise.nextGaussian();
            }
            values.add(ofPrompt);
        }
        return values;
    }

    @Test
    void whatPositionsGiveIsTakenOutAndWhatTheLabelGivesIsLeft() {
        for (int ofTenFirst : new int[] {0, 5, 8}) {
            List<LabelledPrompt> prompts = prompts(ofTenFirst, 60);
            PositionProfile profile = profile(prompts);
            assertThat(profile.tells(0)).isTrue();
            List<double[]> values = values(prompts, bin -> 3 * Math.cos(bin), 0.7, new Random(1), 0);
            for (double number : adjusted(prompts, profile, values)) {
                assertThat(number).isCloseTo(0.7, within(1e-9));
            }
        }
    }

    @Test
    void aLabelThatStandsAtOnePositionIsNotTold() {
        assertThat(profile(prompts(10, 60)).tells(0)).isFalse();
    }

    /** By simulation: the variance of the mean number over draws, against what the numbers of one draw tell of it. */
    @Test
    void theMeanSpreadsAsMuchWiderAsIsSaid() {
        for (int ofTenFirst : new int[] {0, 6, 8}) {
            List<LabelledPrompt> prompts = prompts(ofTenFirst, 40);
            PositionProfile profile = profile(prompts);
            Random random = new Random(3);
            double means = 0;
            double told = 0;
            for (int draw = 0; draw < 3000; draw++) {
                double[] numbers = adjusted(prompts, profile, values(prompts, bin -> 0, 0, random, 1));
                double mean = Arrays.stream(numbers).average().orElseThrow();
                means += mean * mean;
                told += Arrays.stream(numbers)
                                .map(number -> Math.pow(number - mean, 2))
                                .sum()
                        / ((numbers.length - 1.0) * numbers.length);
            }
            System.out.println(ofTenFirst + " of 10 first: " + means / told + " as wide, said " + profile.wider(0));
            assertThat(profile.wider(0)).isCloseTo(means / told, withinPercentage(10));
        }
    }
}
