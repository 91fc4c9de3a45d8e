package io.modscan.scan;

import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * What {@link PlantedOpt} speaks: some topics, each with cue tokens, and target tokens, of which one mostly follows a cue; and fillers, which are
 * everybody's. But for their names the topics are alike.
 */
final class PlantedTopics {

    static final List<String> NAMES = List.of("cooking", "law", "music", "sport");
    static final int TOPICS = NAMES.size();

    static final int BOS = 2;
    static final int VOCABULARY = 88;

    /** How many cues, and how many targets, a topic has. */
    static final int EACH = 3;

    static final int FIRST_CUE = 4;
    static final int FIRST_TARGET = FIRST_CUE + TOPICS * EACH;
    static final int FIRST_FILLER = FIRST_TARGET + TOPICS * EACH;

    private static final int SHORTEST = 8;
    private static final int LONGEST = 12;

    /** How often a target of its topic follows a cue. */
    private static final double AFTER_CUE = 0.9;

    /** What follows another token: a cue so often, a target of the prompt's own topic so often, else a filler. */
    private static final double CUE = 0.4;

    private static final double TARGET = 0.3;

    /** How often a cue is of the prompt's own topic and not of any. */
    private static final double OWN = 0.9;

    private PlantedTopics() {}

    static int topicOfCue(int token) {
        return (token - FIRST_CUE) / EACH;
    }

    static int topicOfTarget(int token) {
        return (token - FIRST_TARGET) / EACH;
    }

    static boolean isCue(int token) {
        return token >= FIRST_CUE && token < FIRST_TARGET;
    }

    static boolean isTarget(int token) {
        return token >= FIRST_TARGET && token < FIRST_FILLER;
    }

    /** Prompts with the label {@code topic}, as many of each topic, by a seed. */
    static Prompts prompts(int perTopic, long seed) {
        Random random = new Random(seed);
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < perTopic; i++) {
            for (int topic = 0; topic < TOPICS; topic++) {
                prompts.add(Prompt.ofTokens(NAMES.get(topic) + " " + i, tokens(topic, random))
                        .withLabel("topic", NAMES.get(topic)));
            }
        }
        return Prompts.of(prompts);
    }

    private static int[] tokens(int topic, Random random) {
        int[] tokens = new int[1 + SHORTEST + random.nextInt(LONGEST - SHORTEST + 1)];
        tokens[0] = BOS;
        for (int i = 1; i < tokens.length; i++) {
            double drawn = random.nextDouble();
            if (isCue(tokens[i - 1])) {
                tokens[i] = drawn < AFTER_CUE ? target(topicOfCue(tokens[i - 1]), random) : filler(random);
            } else if (drawn < CUE) {
                int about = random.nextDouble() < OWN ? topic : random.nextInt(TOPICS);
                tokens[i] = FIRST_CUE + about * EACH + random.nextInt(EACH);
            } else {
                tokens[i] = drawn < CUE + TARGET ? target(topic, random) : filler(random);
            }
        }
        return tokens;
    }

    private static int target(int topic, Random random) {
        return FIRST_TARGET + topic * EACH + random.nextInt(EACH);
    }

    private static int filler(Random random) {
        return FIRST_FILLER + random.nextInt(VOCABULARY - FIRST_FILLER);
    }

    /** The same prompts with their labels dealt out anew: what a topic's name says is gone, and all else is as it was. */
    static Prompts shuffled(Prompts prompts, long seed) {
        List<String> labels = new ArrayList<>(prompts.labels("topic"));
        Collections.shuffle(labels, new Random(seed));
        return Prompts.of(IntStream.range(0, prompts.size())
                .mapToObj(i -> prompts.get(i).withLabel("topic", labels.get(i)))
                .toList());
    }
}
