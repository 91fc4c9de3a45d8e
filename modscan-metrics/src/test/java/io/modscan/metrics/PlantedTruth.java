package io.modscan.metrics;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;

/**
 * Activations of 200 prompts, 20 of each of 10 topics, in which it is known what there is to be found. All else is noise
 * that has nothing to do with topics: normal, half zero, skewed and heavy-tailed units, dead ones, one outlier dimension that
 * is a thousand times as large as the rest, and, at a site of their own, units that are zero for all but some 13 prompts.
 *
 * <p>Planted are, for each topic, neurons whose values are shifted for its prompts, by 1, 1.5 and 2 standard deviations, by
 * 2 before a ReLU, and by −2; for six topics, a head (in its magnitude, which is log-normal); copies of five of these
 * neurons and the opposites of five; and two modules of 20 neurons that follow a course of their own, unlike any topic's,
 * part of them behind a ReLU.
 */
final class PlantedTruth {

    static final int TOPICS = 10;
    static final int PROMPTS = 20 * TOPICS;

    static final Site HEADS = new Site(
                    "blocks.0.attn.hook_z",
                    OptionalInt.of(0),
                    List.of(Axis.POSITION, Axis.heads(16), Axis.units(4)),
                    false)
            .magnitude();
    static final Site NEURONS =
            new Site("blocks.0.mlp.hook_post", OptionalInt.of(0), List.of(Axis.POSITION, Axis.units(400)), false);

    /** Noise that is zero for 93 prompts of 100. */
    static final Site MOSTLY_ZERO =
            new Site("blocks.1.mlp.hook_post", OptionalInt.of(1), List.of(Axis.POSITION, Axis.units(60)), false);

    /** What is known of a unit: the topic that it responds to, by how much, and the module that it belongs to. */
    record Known(OptionalInt topic, double shift, OptionalInt module) {
        static final Known NOISE = new Known(OptionalInt.empty(), 0, OptionalInt.empty());

        static Known selective(int topic, double shift) {
            return new Known(OptionalInt.of(topic), shift, OptionalInt.empty());
        }

        static Known member(int module) {
            return new Known(OptionalInt.empty(), 0, OptionalInt.of(module));
        }
    }

    private final Random random;
    private final List<Integer> topics = new ArrayList<>();
    private final List<Known> heads = new ArrayList<>();
    private final List<Known> neurons = new ArrayList<>();
    private final List<float[]> headColumns = new ArrayList<>();
    private final List<float[]> neuronColumns = new ArrayList<>();
    private final List<float[]> mostlyZeroColumns = new ArrayList<>();

    PlantedTruth(long seed) {
        this.random = new Random(seed);
        for (int i = 0; i < PROMPTS; i++) {
            topics.add(i % TOPICS);
        }
        plantHeads();
        plantNeurons();
        plantCopies();
        plantModules();
        fillWithNoise();
    }

    /** A value for each prompt. */
    private interface Course {
        double at(int prompt);
    }

    private static float[] column(Course course) {
        float[] column = new float[PROMPTS];
        for (int i = 0; i < PROMPTS; i++) {
            column[i] = (float) course.at(i);
        }
        return column;
    }

    private void neuron(Known known, Course course) {
        neurons.add(known);
        neuronColumns.add(column(course));
    }

    private double shifted(int prompt, Known known) {
        boolean in = known.topic().isPresent() && known.topic().getAsInt() == topics.get(prompt);
        return random.nextGaussian() + (in ? known.shift() : 0);
    }

    private void plantHeads() {
        for (int head = 0; head < HEADS.heads(); head++) {
            Known known = head < 6 ? Known.selective(head, head % 2 == 0 ? 2 : 1.5) : Known.NOISE;
            heads.add(known);
            headColumns.add(column(prompt -> Math.exp(0.3 * shifted(prompt, known))));
        }
    }

    private void plantNeurons() {
        for (int topic = 0; topic < TOPICS; topic++) {
            for (double shift : new double[] {1, 1.5, 2, -2}) {
                Known known = Known.selective(topic, shift);
                neuron(known, prompt -> shifted(prompt, known));
            }
            Known behindRelu = Known.selective(topic, 2);
            neuron(behindRelu, prompt -> Math.max(0, shifted(prompt, behindRelu)));
        }
    }

    /** Of the neurons with a shift of 2: copies for the first topics, opposites for the others. */
    private void plantCopies() {
        for (int topic = 0; topic < TOPICS; topic++) {
            float[] original = neuronColumns.get(5 * topic + 2);
            int sign = topic < 5 ? 1 : -1;
            neuron(Known.selective(topic, sign * 2), prompt -> sign * original[prompt]);
        }
    }

    private void plantModules() {
        for (int module = 0; module < 2; module++) {
            float[] course = column(prompt -> random.nextGaussian());
            for (int i = 0; i < 20; i++) {
                boolean relu = module == 1 && i % 2 == 1;
                neuron(Known.member(module), prompt -> {
                    double value = 0.8 * course[prompt] + 0.6 * random.nextGaussian();
                    return relu ? Math.max(0, value) : value;
                });
            }
        }
    }

    private void fillWithNoise() {
        for (int i = 0; i < 10; i++) {
            neuron(Known.NOISE, prompt -> 0);
        }
        neuron(Known.NOISE, prompt -> 1000 + 100 * random.nextGaussian());
        while (neurons.size() < NEURONS.units()) {
            neuron(Known.NOISE, noise(neurons.size() % 4));
        }
        for (int i = 0; i < MOSTLY_ZERO.units(); i++) {
            mostlyZeroColumns.add(column(prompt -> Math.max(0, random.nextGaussian() - 1.5)));
        }
    }

    private Course noise(int kind) {
        return switch (kind) {
            case 0 -> prompt -> random.nextGaussian();
            case 1 -> prompt -> Math.max(0, random.nextGaussian());
            case 2 -> prompt -> Math.exp(random.nextGaussian());
            default -> prompt -> random.nextGaussian() / Math.sqrt(-Math.log(1 - random.nextDouble()));
        };
    }

    static String label(int topic) {
        return "topic" + topic;
    }

    Known known(Site site, int unit) {
        return site.equals(HEADS) ? heads.get(unit) : site.equals(NEURONS) ? neurons.get(unit) : Known.NOISE;
    }

    /** The activations with the true topics. */
    Activations activations() {
        return labelled(topics);
    }

    /** The same values with the topics dealt out at random, so that nothing responds to any. */
    Activations permuted() {
        List<Integer> dealt = new ArrayList<>(topics);
        Collections.shuffle(dealt, random);
        return labelled(dealt);
    }

    private static Prompts prompts(List<Integer> topics) {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < PROMPTS; i++) {
            prompts.add(Prompt.of("p" + i, "").withLabel("topic", label(topics.get(i))));
        }
        return Prompts.of(prompts);
    }

    private Activations labelled(List<Integer> topics) {
        return Activations.builder(prompts(topics))
                .site(HEADS, Pooling.mean(), rows(headColumns))
                .site(NEURONS, Pooling.mean(), rows(neuronColumns))
                .site(MOSTLY_ZERO, Pooling.mean(), rows(mostlyZeroColumns))
                .build();
    }

    private static float[][] rows(List<float[]> columns) {
        float[][] rows = new float[PROMPTS][columns.size()];
        for (int unit = 0; unit < columns.size(); unit++) {
            for (int i = 0; i < PROMPTS; i++) {
                rows[i][unit] = columns.get(unit)[i];
            }
        }
        return rows;
    }
}
