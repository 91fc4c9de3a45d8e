package io.modscan.metrics.modules;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.token.PromptTokens;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Activations over tokens whose steps are known. A prompt is read, then combined, then answered, with borders of its own; besides, two
 * things happen at random moments. A unit of a step follows it, with noise of its own. Others follow the prompt's topic (all along, or by
 * bursts of their own in the prompts of one topic only), the position (rising, falling, in waves), or nothing (with and without memory). A
 * unit of a step follows topic and position, too.
 */
final class PlantedSteps {

    static final int ALONE = -1;
    static final int TOPICS = 5;

    private static final int STATES = 3;
    private static final int EVENTS = 2;
    private static final double MEMORY = 0.8;
    private static final double RARE = 0.15;

    private final Random random;
    private final List<Integer> kinds = new ArrayList<>();
    private final Activations activations;

    // What a unit that is in no step follows.
    private static final int TOPIC = -1;
    private static final int BURSTS_OF_A_TOPIC = -2;
    private static final int POSITION = -3;
    private static final int NOISE = -4;
    private static final int NOISE_WITH_MEMORY = -5;

    /**
     * Makes them up.
     *
     * @param ofStep how many units a step has; 0 for no step
     * @param others how many units of each other kind there are
     */
    PlantedSteps(int prompts, int ofStep, int others, long seed) {
        this.random = new Random(seed);
        for (int step = 0; step < STATES + EVENTS; step++) {
            kinds.addAll(Collections.nCopies(ofStep, step));
        }
        for (int other : new int[] {TOPIC, BURSTS_OF_A_TOPIC, POSITION, NOISE, NOISE_WITH_MEMORY}) {
            kinds.addAll(Collections.nCopies(others, other));
        }
        Collections.shuffle(kinds, random);
        int units = kinds.size();
        double[] ofTopic = random.doubles(units, 0, 3).toArray();
        double[] phase = random.doubles(units, 0, 6).toArray();
        List<Prompt> all = new ArrayList<>();
        List<PromptTokens> tokens = new ArrayList<>();
        float[][] rows = new float[prompts][];
        for (int prompt = 0; prompt < prompts; prompt++) {
            int length = 20 + random.nextInt(31);
            int topic = prompt % TOPICS;
            rows[prompt] = new float[length * units];
            double[][] courses = courses(length);
            for (int unit = 0; unit < units; unit++) {
                int kind = kinds.get(unit);
                double ofThisTopic = Math.floorMod(unit, TOPICS) == topic ? ofTopic[unit] : 0;
                double memory = random.nextGaussian();
                for (int t = 0; t < length; t++) {
                    memory = MEMORY * memory + Math.sqrt(1 - MEMORY * MEMORY) * random.nextGaussian();
                    double noise = random.nextGaussian();
                    // The same for many units, so that units correlate by it.
                    double profile =
                            unit % 3 == 0 ? t / 15.0 : unit % 3 == 1 ? 2 * Math.exp(-t / 4.0) : Math.sin(t / 3.0);
                    double value = kind >= 0
                            ? 1.5 * courses[kind][t] + ofThisTopic + 0.5 * profile + noise
                            : switch (kind) {
                                case TOPIC -> 2 * ofThisTopic + noise;
                                case BURSTS_OF_A_TOPIC ->
                                    Math.floorMod(unit, TOPICS) == topic ? Math.max(0, memory) : 0;
                                case POSITION -> profile + 0.3 * noise;
                                case NOISE -> noise;
                                default -> memory;
                            };
                    rows[prompt][t * units + unit] = (float) (phase[unit] + value);
                }
            }
            all.add(Prompt.ofTokens("p" + prompt, IntStream.range(0, length).toArray())
                    .withLabel("topic", "t" + topic));
            tokens.add(PromptTokens.of(IntStream.range(0, length).toArray(), List.of()));
        }
        this.activations = Activations.builder(Prompts.of(all))
                .tokens(tokens)
                .site(PlantedModel.units("site", units), Pooling.none(), rows)
                .build();
    }

    /** Of each step whether it is there, over the tokens, less its share and of a deviation of about 1. */
    private double[][] courses(int length) {
        int first = (int) (length * (0.15 + 0.35 * random.nextDouble()));
        int second = first + (int) ((length - first) * (0.3 + 0.4 * random.nextDouble()));
        double[][] courses = new double[STATES + EVENTS][length];
        for (int t = 0; t < length; t++) {
            courses[t < first ? 0 : t < second ? 1 : 2][t] = 2;
            for (int event = 0; event < EVENTS; event++) {
                courses[STATES + event][t] = random.nextDouble() < RARE ? 2.5 : 0;
            }
        }
        return courses;
    }

    Activations activations() {
        return activations;
    }

    /** Of each unit its step. */
    int[] truth() {
        return kinds.stream().mapToInt(kind -> Math.max(ALONE, kind)).toArray();
    }

    /** Of each unit the number of its module, of those that are claimed. */
    int[] found(List<UnitModule> modules) {
        int[] found = new int[kinds.size()];
        Arrays.fill(found, ALONE);
        for (int module = 0; module < modules.size(); module++) {
            for (Member member : modules.get(module).members()) {
                found[member.unit().inSite()] = module;
            }
        }
        return found;
    }
}
