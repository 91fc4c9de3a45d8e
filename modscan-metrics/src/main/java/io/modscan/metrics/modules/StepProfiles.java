package io.modscan.metrics.modules;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/** Where in the prompts of a sample modules are active. */
final class StepProfiles {

    private static final int PARTS = 10;

    private final List<SampledPrompt> prompts;
    private final Map<Unit, Integer> places = new HashMap<>();
    /** Of each prompt the tokens of each label. */
    private final List<Map<String, int[]>> labels;

    StepProfiles(TokenSample sample, Function<PromptTokens, Map<String, int[]>> labelling) {
        this.prompts = sample.prompts();
        for (Site site : sample.sites()) {
            int begin = places.size();
            for (int unit = 0; unit < site.width(); unit++) {
                places.put(Unit.of(site, unit), begin + unit);
            }
        }
        this.labels = prompts.stream()
                .map(prompt -> checked(prompt, labelling.apply(withoutBos(prompt))))
                .toList();
    }

    private static PromptTokens withoutBos(SampledPrompt prompt) {
        return prompt.bos() == 1 ? prompt.tokens().withoutFirst() : prompt.tokens();
    }

    private static Map<String, int[]> checked(SampledPrompt prompt, Map<String, int[]> found) {
        Map<String, int[]> sorted = new TreeMap<>();
        found.forEach((label, positions) -> {
            for (int position : positions) {
                if (position < 0 || position >= withoutBos(prompt).size()) {
                    throw new ModscanException("the label '" + label + "' is put to token " + position + " of prompt '"
                            + prompt.id() + "', which has " + withoutBos(prompt).size()
                            + " tokens, BOS not counted, from 0");
                }
            }
            int[] own = positions.clone();
            Arrays.sort(own);
            sorted.put(label, own);
        });
        return sorted;
    }

    /**
     * A module's profile.
     *
     * @param signs of each member, with which sign it follows the others
     */
    StepProfile of(UnitModule module, double[] signs) {
        Interrupt.checkThisThread();
        double[][] courses = courses(module, signs);
        List<StepMean> relative = classes(
                courses, PARTS, prompt -> token -> (int) ((long) PARTS * prompt.position(token) / prompt.length()));
        List<StepMean> beginning = classes(courses, TokenSample.BEGINNING, prompt -> prompt::position);
        Map<String, StepMean> ofLabels = new TreeMap<>();
        labels.stream()
                .flatMap(found -> found.keySet().stream())
                .distinct()
                .forEach(label -> ofLabels.put(label, mean(courses, prompt -> {
                    int[] at = labels.get(prompt).getOrDefault(label, new int[0]);
                    SampledPrompt of = prompts.get(prompt);
                    return token -> Arrays.binarySearch(at, of.position(token)) >= 0;
                })));
        return new StepProfile(module, relative, beginning, ofLabels);
    }

    private List<StepMean> classes(double[][] courses, int number, Function<SampledPrompt, IntUnaryOperator> classOf) {
        return IntStream.range(0, number)
                .mapToObj(which -> mean(courses, prompt -> {
                    IntUnaryOperator of = classOf.apply(prompts.get(prompt));
                    return token -> of.applyAsInt(token) == which;
                }))
                .toList();
    }

    private static StepMean mean(double[][] courses, Function<Integer, IntPredicate> chosen) {
        return StepMean.of(IntStream.range(0, courses.length)
                .mapToDouble(prompt -> {
                    IntPredicate counts = chosen.apply(prompt);
                    return IntStream.range(0, courses[prompt].length)
                            .filter(counts)
                            .mapToDouble(token -> courses[prompt][token])
                            .average()
                            .orElse(Double.NaN);
                })
                .filter(mean -> !Double.isNaN(mean))
                .toArray());
    }

    /** Of each prompt and token the mean over members of what they are, in standard deviations within prompts. */
    private double[][] courses(UnitModule module, double[] signs) {
        double[][] courses =
                prompts.stream().map(prompt -> new double[prompt.size()]).toArray(double[][]::new);
        for (int member = 0; member < signs.length; member++) {
            int unit = places.getOrDefault(module.units().get(member), 0);
            double squares = 0;
            int tokens = 0;
            for (SampledPrompt prompt : prompts) {
                for (int token = 0; token < prompt.size(); token++) {
                    squares += (double) prompt.value(token, unit) * prompt.value(token, unit);
                    tokens++;
                }
            }
            double weight = signs[member] / Math.sqrt(squares / tokens) / signs.length;
            for (int prompt = 0; prompt < courses.length; prompt++) {
                for (int token = 0; token < courses[prompt].length; token++) {
                    courses[prompt][token] += weight * prompts.get(prompt).value(token, unit);
                }
            }
        }
        return courses;
    }
}
