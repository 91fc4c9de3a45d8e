package io.modscan.examples;

import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.SafetensorsWriter;
import io.modscan.onnx.opt.OptModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * An OPT of two layers with four heads each, whose weights are set by hand so that it does induction. A head of the first layer looks at the
 * token before and notes what it was; two heads of the second look for a note that says the current token, and so at what followed it the last
 * times. Where there is none they look at BOS, of which they take nothing. The other five heads are random, and the MLPs are empty.
 *
 * <p>The residual stream has room for the token, its position and the note, each with its negative beside it, so that LayerNorm finds the mean 0
 * and all but the same size everywhere.
 */
final class InductionOpt {

    static final int BOS = 2;
    static final int VOCABULARY = 32;
    static final int MAX_POSITIONS = 48;

    /** The head of the first layer that looks at the token before. */
    static final int PREVIOUS = 1;

    /** The heads of the second that do induction. */
    static final Set<Integer> INDUCTION = Set.of(0, 2);

    private static final int WAVES = 8;
    private static final int POSITION = 2 * VOCABULARY;
    private static final int NOTE = POSITION + 4 * WAVES;
    private static final int HIDDEN = NOTE + 2 * VOCABULARY;
    private static final int HEADS = 4;
    private static final int WIDTH = HIDDEN / HEADS;
    private static final int MLP = 4;

    private final Random random = new Random(23);
    private final Map<String, float[][]> tensors = new LinkedHashMap<>();

    private InductionOpt() {
        float[][] tokens = matrix("embed_tokens.weight", VOCABULARY, HIDDEN);
        for (int token = 0; token < VOCABULARY; token++) {
            both(tokens[token], token, VOCABULARY, 1);
        }
        // OPT's rows begin with two that stand for no position.
        float[][] positions = matrix("embed_positions.weight", MAX_POSITIONS + 2, HIDDEN);
        for (int position = 0; position < MAX_POSITIONS; position++) {
            for (int wave = 0; wave < 2 * WAVES; wave++) {
                both(positions[position + 2], POSITION + wave, 2 * WAVES, wave(wave, position));
            }
        }
        for (int layer = 0; layer < 2; layer++) {
            layer(layer);
        }
        norm("final_layer_norm");
    }

    static OptModel open(Path folder) {
        return OptModel.open(new InductionOpt().write(folder));
    }

    private static void both(float[] row, int at, int further, double value) {
        row[at] = (float) value;
        row[at + further] = (float) -value;
    }

    /** Cosines and sines in turn, of periods from 3 to 60 tokens. */
    private static double wave(int wave, double position) {
        int pair = wave / 2;
        double angle = 2 * Math.PI / (3 * Math.pow(20, pair / (WAVES - 1.0))) * position;
        return wave % 2 == 0 ? Math.cos(angle) : Math.sin(angle);
    }

    private float[][] matrix(String name, int rows, int columns) {
        return tensors.computeIfAbsent(name, n -> new float[rows][columns]);
    }

    /** An attention's matrices. */
    @SuppressWarnings("ArrayRecordComponent") // never compared, only written
    private record Maps(float[][] q, float[][] k, float[][] v, float[][] out) {}

    private float[][] map(String block, String map) {
        String name = block + "self_attn." + map + "_proj";
        matrix(name + ".bias", 1, HIDDEN);
        return matrix(name + ".weight", HIDDEN, HIDDEN);
    }

    private void layer(int layer) {
        String block = "layers." + layer + ".";
        Maps maps = new Maps(map(block, "q"), map(block, "k"), map(block, "v"), map(block, "out"));
        for (int head = 0; head < HEADS; head++) {
            int first = head * WIDTH;
            if (layer == 0 && head == PREVIOUS) {
                previous(first, maps);
            } else if (layer == 1 && INDUCTION.contains(head)) {
                induction(first, maps, matrix(block + "self_attn.q_proj.bias", 1, HIDDEN)[0]);
            } else {
                random(first, maps);
            }
        }
        norm(block + "self_attn_layer_norm");
        norm(block + "final_layer_norm");
        matrix(block + "fc1.weight", MLP, HIDDEN);
        matrix(block + "fc1.bias", 1, MLP);
        matrix(block + "fc2.weight", HIDDEN, MLP);
        matrix(block + "fc2.bias", 1, HIDDEN);
    }

    /** The query is the position turned back by one, and what is handed on is the token. */
    private static void previous(int first, Maps maps) {
        for (int wave = 0; wave < 2 * WAVES; wave += 2) {
            double cos = wave(wave, 1);
            double sin = wave(wave + 1, 1);
            float[][] query = maps.q();
            query[first + wave][POSITION + wave] = (float) (4 * cos);
            query[first + wave][POSITION + wave + 1] = (float) (4 * sin);
            query[first + wave + 1][POSITION + wave] = (float) (-4 * sin);
            query[first + wave + 1][POSITION + wave + 1] = (float) (4 * cos);
            maps.k()[first + wave][POSITION + wave] = 1;
            maps.k()[first + wave + 1][POSITION + wave + 1] = 1;
        }
        for (int token = 0; token < VOCABULARY; token++) {
            maps.v()[first + token][token] = 0.35f;
            maps.out()[NOTE + token][first + token] = 1;
            maps.out()[NOTE + VOCABULARY + token][first + token] = -1;
        }
    }

    /** The query is the token, the key is the note; the query also asks, less, for BOS. */
    private static void induction(int first, Maps maps, float[] queryBias) {
        for (int token = 0; token < VOCABULARY; token++) {
            maps.q()[first + token][token] = 10;
            maps.k()[first + token][NOTE + token] = 1;
            if (token != BOS) {
                maps.v()[first + token][token] = 0.35f;
                maps.out()[token][first + token] = 0.1f;
                maps.out()[VOCABULARY + token][first + token] = -0.1f;
            }
        }
        queryBias[first + VOCABULARY] = 13;
        maps.k()[first + VOCABULARY][BOS] = 1;
    }

    private void random(int first, Maps maps) {
        for (int unit = first; unit < first + WIDTH; unit++) {
            for (int from = 0; from < HIDDEN; from++) {
                maps.q()[unit][from] = (float) (0.15 * random.nextGaussian());
                maps.k()[unit][from] = (float) (0.15 * random.nextGaussian());
                maps.v()[unit][from] = (float) (0.1 * random.nextGaussian());
                maps.out()[from][unit] = (float) (0.01 * random.nextGaussian());
            }
        }
    }

    private void norm(String name) {
        Arrays.fill(matrix(name + ".weight", 1, HIDDEN)[0], 1);
        matrix(name + ".bias", 1, HIDDEN);
    }

    private Path write(Path folder) {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        tensors.forEach((name, rows) -> {
            boolean isVector = rows.length == 1;
            long width = rows[0].length;
            ByteBuffer bytes = ByteBuffer.allocate(rows.length * rows[0].length * Float.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN);
            for (float[] row : rows) {
                for (float value : row) {
                    bytes.putFloat(value);
                }
            }
            writer.add(
                    "model.decoder." + name,
                    DType.F32,
                    isVector ? List.of(width) : List.of((long) rows.length, width),
                    channel -> channel.write(bytes.flip()));
        });
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("config.json"), CONFIG);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        writer.write(folder.resolve("model.safetensors"));
        return folder;
    }

    private static final String CONFIG = """
            {"architectures": ["OPTForCausalLM"], "model_type": "opt", "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": 2,
            "num_attention_heads": %d, "ffn_dim": %d, "max_position_embeddings": %d, "word_embed_proj_dim": %2$d,
            "do_layer_norm_before": true, "_remove_final_layer_norm": false, "enable_bias": true, "layer_norm_elementwise_affine": true,
            "tie_word_embeddings": true, "activation_function": "relu", "bos_token_id": %d, "eos_token_id": %6$d, "pad_token_id": 1}
            """.formatted(VOCABULARY, HIDDEN, HEADS, MLP, MAX_POSITIONS, BOS);
}
