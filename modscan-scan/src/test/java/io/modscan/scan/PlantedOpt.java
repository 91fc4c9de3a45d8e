package io.modscan.scan;

import static io.modscan.scan.PlantedTopics.TOPICS;
import static io.modscan.scan.PlantedTopics.VOCABULARY;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * An OPT of which it is known what its units do, so that claims about them can be judged. For each topic of {@link PlantedTopics} there
 * are, in the last layer, two neurons and a head that detect the topic's cues and write what makes its targets likely, and as many
 * decoys: they detect the cues in the same way, and what they write changes no logit. Half of the decoys write nothing; the others write along
 * the direction of the mean, which every LayerNorm takes away (the scales are all 1). All else is random and knows no topic from another.
 *
 * <p>Random weights read and write the rest of {@link PlantedDirections}. Cues and targets have the same part there whatever their topic, and the
 * topics' planted weights are the same, so that a random unit's effect on one topic is distributed as that on another.
 */
final class PlantedOpt {

    /** A unit that was planted, the topic that it fires for, and whether it does anything for it. A head is a magnitude. */
    record Planted(Unit unit, String topic, boolean isCausal) {}

    private record Place(boolean isHead, int index, int topic, boolean isCausal) {}

    private static final int WIDTH = PlantedDirections.WIDTH;
    private static final int HEADS = 8;
    private static final int PER_HEAD = WIDTH / HEADS;
    private static final int MLP = 128;
    private static final int LAYERS = 2;
    private static final int POSITIONS = 24;

    /** How strongly a topic's cues are embedded along its direction; the same for every topic. */
    private static final double[] CUES = {1.6, 2, 2.4};

    /** How many causal neurons a topic has, and how strongly they and its causal head write: about as much. */
    private static final int NEURONS = 2;

    private static final double NEURON_WRITES = 0.25;
    private static final double HEAD_WRITES = 0.3;

    /** So that a neuron fires at a cue, and nowhere else. */
    private static final double READS = 0.5;

    private static final double THRESHOLD = 1;

    /** A loud decoy's write. */
    private static final double LOUD = 0.5;

    private final Random random;
    private final PlantedDirections directions;
    private final Map<String, float[][]> tensors = new LinkedHashMap<>();
    private final List<Integer> neurons;
    private final List<Integer> heads;
    private final List<Place> places = new ArrayList<>();

    /** Makes the weights, all from a seed. */
    PlantedOpt(long seed) {
        this.random = new Random(seed);
        this.directions = new PlantedDirections(random);
        this.neurons = shuffled(MLP);
        this.heads = shuffled(HEADS);
        embeddings();
        for (int layer = 0; layer < LAYERS; layer++) {
            randomBlock("layers." + layer + ".");
        }
        norm("final_layer_norm");
        plant("layers." + (LAYERS - 1) + ".");
    }

    private List<Integer> shuffled(int n) {
        List<Integer> all = new ArrayList<>(IntStream.range(0, n).boxed().toList());
        Collections.shuffle(all, random);
        return all;
    }

    private float[][] tensor(String name, int rows, int columns) {
        float[][] values = new float[rows][columns];
        tensors.put(name, values);
        return values;
    }

    private static void row(float[][] matrix, int row, double[] values) {
        for (int i = 0; i < values.length; i++) {
            matrix[row][i] = (float) values[i];
        }
    }

    private static void column(float[][] matrix, int column, double[] values) {
        for (int i = 0; i < values.length; i++) {
            matrix[i][column] = (float) values[i];
        }
    }

    private void embeddings() {
        float[][] read = tensor("model.decoder.embed_tokens.weight", VOCABULARY, WIDTH);
        float[][] positions = tensor("model.decoder.embed_positions.weight", POSITIONS + 2, WIDTH);
        float[][] written = tensor("lm_head.weight", VOCABULARY, WIDTH);
        double[] everyCue = directions.rest(1);
        double[] everyTarget = directions.rest(1);
        double[] nextIsCue = directions.rest(0.5);
        for (int token = 0; token < VOCABULARY; token++) {
            if (PlantedTopics.isCue(token)) {
                double strength = CUES[(token - PlantedTopics.FIRST_CUE) % PlantedTopics.EACH];
                double[] vector = directions.cue(PlantedTopics.topicOfCue(token), strength);
                PlantedDirections.add(vector, everyCue, 1);
                row(read, token, vector);
                row(written, token, nextIsCue);
            } else if (PlantedTopics.isTarget(token)) {
                row(read, token, everyTarget);
                row(written, token, directions.target(PlantedTopics.topicOfTarget(token), 1));
            } else {
                row(read, token, directions.rest(1.3));
                row(written, token, directions.rest(0.5));
            }
        }
        for (int position = 0; position < positions.length; position++) {
            row(positions, position, directions.rest(0.3));
        }
    }

    private void randomBlock(String block) {
        norm(block + "self_attn_layer_norm");
        for (String name : List.of("q_proj", "k_proj", "v_proj")) {
            reading(block + "self_attn." + name, WIDTH, name.equals("v_proj") ? 0.5 : 0.3);
        }
        writing(block + "self_attn.out_proj", WIDTH, 0.2);
        norm(block + "final_layer_norm");
        reading(block + "fc1", MLP, 0.5);
        writing(block + "fc2", MLP, 0.3);
    }

    private void norm(String name) {
        float[][] scale = tensor("model.decoder." + name + ".weight", 1, WIDTH);
        Arrays.fill(scale[0], 1);
        tensor("model.decoder." + name + ".bias", 1, WIDTH);
    }

    private void reading(String name, int units, double size) {
        float[][] weight = tensor("model.decoder." + name + ".weight", units, WIDTH);
        float[][] bias = tensor("model.decoder." + name + ".bias", 1, units);
        for (int unit = 0; unit < units; unit++) {
            row(weight, unit, directions.rest(size));
            bias[0][unit] = (float) (0.3 * random.nextGaussian() * size);
        }
    }

    private void writing(String name, int units, double size) {
        float[][] weight = tensor("model.decoder." + name + ".weight", WIDTH, units);
        float[][] bias = tensor("model.decoder." + name + ".bias", 1, WIDTH);
        for (int unit = 0; unit < units; unit++) {
            column(weight, unit, directions.rest(size));
        }
        row(bias, 0, directions.rest(0.1));
    }

    private float[][] get(String name) {
        return Objects.requireNonNull(tensors.get("model.decoder." + name), name);
    }

    private void plant(String block) {
        for (int topic = 0; topic < TOPICS; topic++) {
            for (int i = 0; i < NEURONS; i++) {
                neuron(block, topic, true, directions.target(topic, NEURON_WRITES));
                neuron(block, topic, false, directions.mean(i % 2 * LOUD));
            }
            head(block, topic, true, directions.target(topic, HEAD_WRITES));
            head(block, topic, false, directions.mean(topic % 2 * LOUD));
        }
    }

    private int place(List<Integer> free, boolean isHead, int topic, boolean isCausal) {
        int index = free.remove(free.size() - 1);
        places.add(new Place(isHead, index, topic, isCausal));
        return index;
    }

    private void neuron(String block, int topic, boolean isCausal, double[] writes) {
        int neuron = place(neurons, false, topic, isCausal);
        row(get(block + "fc1.weight"), neuron, directions.cue(topic, READS));
        get(block + "fc1.bias")[0][neuron] = (float) -THRESHOLD;
        column(get(block + "fc2.weight"), neuron, writes);
    }

    /** By the head's first unit. The others are random, too, but weaker; of a decoy they are written nowhere. */
    private void head(String block, int topic, boolean isCausal, double[] writes) {
        int first = place(heads, true, topic, isCausal) * PER_HEAD;
        float[][] reads = get(block + "self_attn.v_proj.weight");
        float[][] out = get(block + "self_attn.out_proj.weight");
        row(reads, first, directions.cue(topic, READS));
        column(out, first, writes);
        get(block + "self_attn.v_proj.bias")[0][first] = 0;
        for (int unit = first + 1; unit < first + PER_HEAD; unit++) {
            row(reads, unit, directions.rest(0.1));
            if (!isCausal) {
                column(out, unit, directions.mean(0));
            }
        }
    }

    /** Writes the checkpoint into a folder and opens it. */
    OptModel load(Path folder) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("architectures", List.of("OPTForCausalLM"));
        config.put("model_type", "opt");
        config.put("vocab_size", VOCABULARY);
        config.put("hidden_size", WIDTH);
        config.put("num_hidden_layers", LAYERS);
        config.put("num_attention_heads", HEADS);
        config.put("ffn_dim", MLP);
        config.put("max_position_embeddings", POSITIONS);
        config.put("word_embed_proj_dim", WIDTH);
        config.put("do_layer_norm_before", true);
        config.put("_remove_final_layer_norm", false);
        config.put("enable_bias", true);
        config.put("layer_norm_elementwise_affine", true);
        config.put("tie_word_embeddings", false);
        config.put("activation_function", "relu");
        config.put("bos_token_id", PlantedTopics.BOS);
        config.put("eos_token_id", PlantedTopics.BOS);
        config.put("pad_token_id", 1);
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("config.json"), JSON.std.asString(config));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        tensors.forEach((name, rows) -> {
            long columns = rows[0].length;
            boolean isVector = name.endsWith(".bias") || name.endsWith("norm.weight");
            List<Long> shape = isVector ? List.of(columns) : List.of((long) rows.length, columns);
            writer.add(name, DType.F32, shape, channel -> channel.write(bytes(rows)));
        });
        writer.write(folder.resolve("model.safetensors"));
        return OptModel.open(folder);
    }

    private static ByteBuffer bytes(float[][] rows) {
        ByteBuffer bytes = ByteBuffer.allocate(rows.length * rows[0].length * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] row : rows) {
            for (float value : row) {
                bytes.putFloat(value);
            }
        }
        return bytes.flip();
    }

    /** What was planted, in a model that was loaded. */
    List<Planted> planted(OptModel model) {
        return places.stream()
                .map(place -> new Planted(
                        place.isHead()
                                ? head(model, LAYERS - 1, place.index())
                                : Unit.of(site(model, LAYERS - 1, "mlp.hook_post"), place.index()),
                        PlantedTopics.NAMES.get(place.topic()),
                        place.isCausal()))
                .toList();
    }

    /** Heads that know no topic: all that is left, those of the layers before. */
    List<Unit> randomHeads(OptModel model) {
        return IntStream.range(0, (LAYERS - 1) * HEADS)
                .mapToObj(i -> head(model, i / HEADS, i % HEADS))
                .toList();
    }

    /** Neurons that know no topic, half of them beside the planted ones and half in the first layer. */
    List<Unit> randomNeurons(OptModel model, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> Unit.of(site(model, i % 2 == 0 ? LAYERS - 1 : 0, "mlp.hook_post"), neurons.get(i)))
                .toList();
    }

    private static Unit head(OptModel model, int layer, int index) {
        return Unit.of(site(model, layer, "attn.hook_z").magnitude(), index);
    }

    private static Site site(OptModel model, int layer, String hook) {
        String name = "blocks." + layer + "." + hook;
        return model.sites().stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow();
    }
}
