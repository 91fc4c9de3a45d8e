package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.internal.graph.OnnxProtos;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Inputs whose names mean two things, or less than they seem to; and those that what is read doesn't need. */
class InputRolesTest {

    private static final int[][] TOKENS = {{3, 1}, {2, 0, 4, 1, 3}, {4, 4, 4}};

    @TempDir
    private Path folder;

    private static Prompts prompts() {
        List<Prompt> prompts = new ArrayList<>();
        for (int[] tokens : TOKENS) {
            prompts.add(Prompt.ofTokens("p" + prompts.size(), tokens));
        }
        return Prompts.of(prompts);
    }

    private static Activations capture(OnnxModel model, Prompts prompts, String... sites) {
        try (Probe probe = Probe.builder(model).sites(sites).tokenBudget(100).build()) {
            return probe.capture(prompts);
        }
    }

    private static Site site(OnnxModel model, String name) {
        return model.sites().stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError(HandGraph.refusal(model, name)));
    }

    private static HandGraph embedding() {
        return HandGraph.opset(17)
                .floats("table", new float[] {0, 0, 1, 10, 2, 20, 3, 30, 4, 40}, 5, 2)
                .input("input_ids", DataType.INT64, "batch", "sequence");
    }

    // ---- masks ----

    /** Attention of each token to all that a mask lets through; what the mask keeps out counts -1e9. */
    private OnnxModel attention(String mask, DataType type) {
        HandGraph graph = embedding()
                .input(mask, type, "batch", "sequence")
                .floats("lowest", new float[] {-1e9f})
                .floats("tenth", new float[] {0.1f})
                .list("one", 1)
                .node("Gather", "table input_ids", "raw")
                .node("Mul", "raw tenth", "x")
                .node("Transpose", "x", "turned", OnnxProtos.attribute("perm", new long[] {0, 2, 1}))
                .node("MatMul", "x turned", "scores")
                .node("Unsqueeze", mask + " one", "wide");
        if (type == DataType.FLOAT) {
            graph.node("Add", "scores wide", "masked");
        } else {
            graph.node("Cast", "wide", "truth", OnnxProtos.attribute("to", (long) DataType.BOOL_VALUE))
                    .node("Where", "truth lowest scores", "masked");
        }
        return graph.node("Softmax", "masked", "pattern", OnnxProtos.attribute("axis", -1L))
                .node("MatMul", "pattern x", "z")
                .open(folder);
    }

    private static float[] attended(int[] tokens, int query) {
        double sum = 0;
        double[] z = new double[2];
        for (int token : tokens) {
            double weight = Math.exp(0.01 * 101 * tokens[query] * token);
            sum += weight;
            z[0] += weight * 0.1 * token;
            z[1] += weight * token;
        }
        return new float[] {(float) (z[0] / sum), (float) (z[1] / sum)};
    }

    private static void assertAttended(OnnxModel model) {
        Activations z = capture(model, prompts(), "z");
        for (int prompt = 0; prompt < TOKENS.length; prompt++) {
            for (int query = 0; query < TOKENS[prompt].length; query++) {
                assertThat(z.at("z").vector(prompt, query))
                        .containsExactly(attended(TOKENS[prompt], query), within(1e-4f));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"BOOL", "INT64", "INT32", "UINT8"})
    void aMaskThatIsTrueAtPadding(DataType type) {
        assertAttended(attention("padding_mask", type).withInput("padding_mask", InputRole.PADDING_MASK));
    }

    @Test
    void aMaskThatIsAdded() {
        assertAttended(attention("mask", DataType.FLOAT).withInput("mask", InputRole.ADDITIVE_MASK));
        // The usual name does not make it one of ones: it is added to scores.
        OnnxModel usual = attention("attention_mask", DataType.FLOAT);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(usual, prompts(), "z"))
                .withMessageContaining("InputRole.ADDITIVE_MASK");
        assertAttended(usual.withInput("attention_mask", InputRole.ADDITIVE_MASK));
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "BFLOAT16", "DOUBLE"})
    void whatIsAddedIsFiniteInEachType(DataType type) {
        OnnxModel model = embedding()
                .input("bias", type, "batch", "sequence")
                .node("Cast", "bias", "real", OnnxProtos.attribute("to", 1L))
                .list("one", 1)
                .node("ReduceMin", "real", "least", OnnxProtos.attribute("axes", new long[] {1}))
                .open(folder)
                .withInput("bias", InputRole.ADDITIVE_MASK)
                .withDimension("sequence", 4)
                .withPositions("4");
        assertThat(capture(model, Prompts.of(List.of(Prompt.ofTokens("a", 1, 2))), "least")
                        .at("least")
                        .row(0)
                        .get(0))
                .isLessThan(-6e4f)
                .isFinite();
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> attention("mask", DataType.INT64).withInput("mask", InputRole.ADDITIVE_MASK))
                .withMessageContaining("which ADDITIVE_MASK can't be put into");
    }

    @ParameterizedTest
    @ValueSource(strings = {"padding_mask", "mask", "input_mask", "key_padding_mask", "src_key_padding_mask", "Mask"})
    void aMaskOfTwoMeaningsIsAskedFor(String name) {
        OnnxModel model = attention(name, DataType.BOOL);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model, prompts(), "z"))
                .withMessageContaining("input '" + name + "' bool [batch, sequence] is needed for 'z'")
                .withMessageContaining("OnnxModel.withInput(\"" + name + "\", InputRole.PADDING_MASK)");
        assertThat(capture(model, prompts(), "scores").at("scores").row(0).get(1))
                .isCloseTo(0.01f * 101 * 3, within(1e-5f));
    }

    @Test
    void aRoleIsTakenBack() {
        OnnxModel model = attention("attention_mask", DataType.BOOL);
        OnnxModel unsaid =
                model.withInput("attention_mask", InputRole.PADDING_MASK).withInput("attention_mask", InputRole.NONE);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(unsaid, prompts(), "z"))
                .withMessageContaining("input 'attention_mask' bool [batch, sequence] is needed for 'z'");
        OnnxModel noText = model.withInput("input_ids", InputRole.NONE);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(noText, prompts(), "z"))
                .withMessageContaining("take no token ids");
    }

    // ---- what is not needed ----

    /** A text, an image beside it, and a number that is handed through. */
    private OnnxModel towers() {
        return embedding()
                .input("attention_mask", DataType.INT64, "batch", "sequence")
                .input("pixel_values", DataType.FLOAT, "images", "3")
                .input("unique_id", DataType.INT64, "ids")
                .node("Gather", "table input_ids", "hidden")
                .node("Relu", "pixel_values", "image")
                .node("Identity", "unique_id", "id")
                .list("axis", 1)
                .node("ReduceSum", "hidden axis", "text", OnnxProtos.attribute("keepdims", 0L))
                .list("two", 2)
                .node("Slice", "image zero two axis", "cut")
                .list("zero", 0)
                .node("Add", "cut text", "both")
                .open(folder);
    }

    @Test
    void inputsThatTheSitesDoNotNeedDoNotCount() {
        OnnxModel model = towers();
        Activations hidden = capture(model, prompts(), "hidden");
        assertThat(hidden.at("hidden").vector(1, 2)).containsExactly(4, 40);
        // No tokenizer is there; but that it can't be given texts is not the reason.
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(model::tokenizer)
                .withMessageContaining("has no tokenizer");
        OnnxModel one = model.withDimension("images", 1);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(one, prompts(), "both"))
                .withMessageContaining("input 'pixel_values' float32 [1, 3] is needed for 'both'")
                .withMessageContaining("read only tensors that don't need it")
                .withMessageNotContaining("unique_id");
        // Of ready tensors, too, only what is needed has to be there.
        InputTensor ids = InputTensor.of(new long[] {3, 1}, 2);
        Prompt text = Prompt.ofTensors("t", Map.of("input_ids", ids));
        assertThat(capture(one, Prompts.of(List.of(text)), "hidden")
                        .at("hidden")
                        .vector(0, 1))
                .containsExactly(1, 10);
        Prompt whole = Prompt.ofTensors(
                "w", Map.of("input_ids", ids, "pixel_values", InputTensor.of(new float[] {1, -1, 5}, 1, 3)));
        assertThat(capture(one, Prompts.of(List.of(whole)), "both").at("both").vector(0))
                .containsExactly(5, 40);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(one, Prompts.of(List.of(text)), "both"))
                .withMessageContaining("'pixel_values'")
                .withMessageContaining("a sample has only [input_ids]");
    }

    @Test
    void anInputWithAValueCanBeGiven() {
        OnnxModel model = HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "2")
                .input("scale", DataType.FLOAT, "1")
                .floats("scale", new float[] {3}, 1)
                .node("Mul", "x scale", "y")
                .open(folder);
        InputTensor x = InputTensor.of(new float[] {1, 2}, 2);
        InputTensor scale = InputTensor.of(new float[] {10}, 1);
        Prompt usual = Prompt.ofTensors("a", Map.of("x", x));
        Prompt other = Prompt.ofTensors("b", Map.of("x", x, "scale", scale));
        assertThat(HandGraph.values(model, "y", usual)).containsExactly(3, 6);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> HandGraph.values(model, "y", other))
                .withMessageContaining("prompt 'b'")
                .withMessageContaining("OnnxModel.withInput(\"scale\", InputRole.NONE)");
        OnnxModel asked = model.withInput("scale", InputRole.NONE);
        assertThat(HandGraph.values(asked, "y", other)).containsExactly(10, 20);
        assertThat(asked.provenance()).isNotEqualTo(model.provenance());
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> HandGraph.values(asked, "y", usual))
                .withMessageContaining("input 'scale' float32 [1] is needed for 'y'");
    }

    /** Such as a mask that is 1 everywhere unless it is given. */
    @Test
    void anInputWithAValueMayTakeTokens() {
        OnnxModel model = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "1", "2")
                .input("attention_mask", DataType.INT64, "1", "2")
                .longs("attention_mask", new long[] {5, 5}, 1, 2)
                .node("Add", "input_ids attention_mask", "sum")
                .open(folder);
        Prompt prompt = Prompt.ofTokens("a", 1, 2);
        assertThat(HandGraph.values(model, "sum", prompt)).containsExactly(6, 7);
        assertThat(HandGraph.values(model.withInput("attention_mask", InputRole.ATTENTION_MASK), "sum", prompt))
                .containsExactly(2, 3);
    }

    // ---- the past ----

    /** Keys before and now, and each token's sum of products with them; what an encoder left is added. */
    private HandGraph decoder(String past, String... axes) {
        return embedding()
                .input("attention_mask", DataType.INT64, "batch", "total")
                .input(past, DataType.FLOAT, axes)
                .node("Gather", "table input_ids", "now");
    }

    private OnnxModel cached(String past) {
        return decoder(past, "batch", "past", "2")
                .node("Concat", past + " now", "present", OnnxProtos.attribute("axis", 1L))
                .node("Transpose", "present", "turned", OnnxProtos.attribute("perm", new long[] {0, 2, 1}))
                .node("MatMul", "now turned", "scores")
                .node("Cast", "attention_mask", "seen", OnnxProtos.attribute("to", 1L))
                .list("one", 1)
                .node("Unsqueeze", "seen one", "wide")
                .node("Mul", "scores wide", "masked")
                .node("MatMul", "masked present", "z")
                .open(folder);
    }

    @Test
    void aRealPastComesAsReadyTensors() {
        OnnxModel model = cached("past_key_values.0.key");
        assertThat(site(model, "scores").axes()).containsExactly(Axis.QUERY, Axis.KEY);
        Activations ofTokens = capture(model, Prompts.of(List.of(Prompt.ofTokens("a", 3, 1))), "z");
        // 3 · (3·3 + 30·30, 3·1 + 30·10) and so on
        assertThat(ofTokens.at("z").vector(0, 1)).containsExactly(303 * 3 + 101, 303 * 30 + 1010);
        InputTensor mask = InputTensor.of(new long[] {1, 1, 1, 0, 1}, 5);
        Map<String, InputTensor> sample = Map.of(
                "input_ids", InputTensor.of(new long[] {3, 1}, 2),
                "attention_mask", mask,
                "past_key_values.0.key", InputTensor.of(new float[] {1, 0, 0, 1, 2, 2}, 3, 2));
        Activations z = capture(model, Prompts.of(List.of(Prompt.ofTensors("b", sample))), "z");
        // Token 1 is (1, 10): 1·(1, 0) + 10·(0, 1) + 22·(2, 2) + 0·(3, 30) + 101·(1, 10).
        assertThat(z.at("z").vector(0, 1)).containsExactly(1 + 44 + 101, 10 + 44 + 1010);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model, Prompts.of(List.of(Prompt.ofTensors("b", sample))), "scores"))
                .withMessageContaining("'scores' is longer where there is a past")
                .withMessageContaining("OnnxModel.withDimension");
        // All lengths said, it is units.
        OnnxModel said = model.withInput("past_key_values.0.key", InputRole.NONE)
                .withInput("input_ids", InputRole.NONE)
                .withInput("attention_mask", InputRole.NONE)
                .withDimension("past", 3)
                .withDimension("sequence", 2)
                .withDimension("total", 5);
        assertThat(HandGraph.values(said, "scores", Prompt.ofTensors("b", sample)))
                .containsExactly(3, 30, 66, 909, 303, 1, 10, 22, 303, 101);
    }

    @Test
    void aPastOfNoneMayBeGivenToo() {
        OnnxModel model = cached("past_key_0");
        Map<String, InputTensor> sample = Map.of(
                "input_ids", InputTensor.of(new long[] {3, 1}, 2),
                "attention_mask", InputTensor.of(new long[] {1, 1}, 2),
                "past_key_0", InputTensor.of(new float[0], 0, 2));
        assertThat(HandGraph.values(model, "scores", Prompt.ofTensors("b", sample)))
                .containsExactly(HandGraph.values(model, "scores", Prompt.ofTokens("a", 3, 1)));
    }

    @Test
    void aDecoderThatIsToldWhetherThereIsAPast() {
        OnnxModel model = decoder("past_key_values.0.key", "batch", "past", "2")
                .input("use_cache_branch", DataType.BOOL, "1")
                .node("Concat", "past_key_values.0.key now", "present", OnnxProtos.attribute("axis", 1L))
                .list("axis", 1)
                .node("ReduceSum", "present axis", "sum", OnnxProtos.attribute("keepdims", 1L))
                .node("Cast", "use_cache_branch", "real", OnnxProtos.attribute("to", 1L))
                .node("Mul", "sum real", "used")
                .node("Add", "now used", "z")
                .open(folder);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model, prompts(), "z"))
                .withMessageContaining("input 'use_cache_branch' bool [1] is needed for 'z'");
        Map<String, InputTensor> sample = Map.of(
                "input_ids", InputTensor.of(new long[] {3}, 1),
                "past_key_values.0.key", InputTensor.of(new float[] {1, 2}, 1, 2),
                "use_cache_branch", InputTensor.of(new boolean[] {true}, 1));
        assertThat(HandGraph.values(model, "z", Prompt.ofTensors("b", sample))).containsExactly(3 + 4, 30 + 32);
    }

    @ParameterizedTest
    @CsvSource({
        "past_key_values.0.encoder.key, rest",
        "past_key_values.0.key, encoder_sequence_length_out",
        "past_key_cross_0, past_len",
        "past_key_values.0.cross_attn.k, s",
        "past_value_encoder, x"
    })
    void whatAnEncoderLeftIsNoPast(String cache, String symbol) {
        OnnxModel model = decoder(cache, "batch", symbol, "2")
                .list("axis", 1)
                .node("ReduceSum", cache + " axis", "left", OnnxProtos.attribute("keepdims", 1L))
                .node("Add", "now left", "z")
                .open(folder);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model, prompts(), "z"))
                .withMessageContaining("input '" + cache + "' float32 [batch, " + symbol + ", 2] is needed for 'z'")
                .withMessageContaining("ready tensor");
        assertThat(capture(model, prompts(), "now").at("now").vector(0, 0)).containsExactly(3, 30);
        Map<String, InputTensor> sample = Map.of(
                "input_ids",
                InputTensor.of(new long[] {3}, 1),
                cache,
                InputTensor.of(new float[] {1, 2, 10, 20}, 2, 2));
        assertThat(HandGraph.values(model, "z", Prompt.ofTensors("b", sample))).containsExactly(14, 52);
    }

    @Test
    void besideAnEncoderOnlyWhatIsSaidToBeTheDecodersIsPast() {
        HandGraph graph = decoder("past_key_values.0.decoder.key", "batch", "past", "2")
                .input("past_key_values.1", DataType.FLOAT, "batch", "other", "2")
                .input("encoder_hidden_states", DataType.FLOAT, "batch", "source", "2")
                .node("Concat", "past_key_values.0.decoder.key now", "own", OnnxProtos.attribute("axis", 1L))
                .node("Concat", "past_key_values.1 now", "unsure", OnnxProtos.attribute("axis", 1L))
                .node("Concat", "encoder_hidden_states now", "all", OnnxProtos.attribute("axis", 1L));
        OnnxModel model = graph.open(folder);
        assertThat(capture(model, prompts(), "own").at("own").vector(0, 1)).containsExactly(1, 10);
        assertThat(HandGraph.refusal(model, "unsure")).contains("not known before it is computed");
        OnnxModel said = model.withInput("past_key_values.1", InputRole.PAST);
        assertThat(capture(said, prompts(), "unsure").at("unsure").vector(0, 1)).containsExactly(1, 10);
    }

    @ParameterizedTest
    @CsvSource({
        "2;batch;2;past_seq_len;1, 3",
        "batch;2;past;1, 2",
        "batch;num_heads;past_sequence_length;1, 2",
        "past_len;batch;2, 0",
        "3;2;batch;2;cache_len;1, 4",
        "batch_size;2;cached;1, 2",
        "past_batch;2;past_seq;1, 2",
        "N;2;t;1, 2",
        "x0;2;len;1, 2"
    })
    void onlyThePastsOwnAxisIsZeroLong(String axes, int own) {
        String[] all = axes.split(";");
        OnnxModel model = decoder("memory_of_tokens", all)
                .node("Shape", "memory_of_tokens", "shape")
                .node("Identity", "memory_of_tokens", "same")
                .open(folder)
                .withInput("memory_of_tokens", InputRole.PAST);
        List<String> shape = HandGraph.tensor(model, "same").shape().orElseThrow();
        for (int axis = 0; axis < all.length; axis++) {
            assertThat(shape.get(axis).equals("0")).as(shape + " of " + axes).isEqualTo(axis == own);
        }
        if (!axes.contains("heads")) {
            float[] values = HandGraph.values(model, "shape", Prompt.ofTokens("a", 3, 1));
            assertThat(values[own]).isZero();
            assertThat(IntStream.range(0, values.length).filter(i -> values[i] == 0))
                    .hasSize(1);
        } else {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> HandGraph.values(model, "shape", Prompt.ofTokens("a", 3, 1)))
                    .withMessageContaining("OnnxModel.withDimension(\"num_heads\", N)");
        }
    }

    @Test
    void aPastOfWhichNothingTellsTheAxesIsRefused() {
        OnnxModel model = decoder("cache", "batch", "a", "b", "2")
                .node("Identity", "cache", "same")
                .open(folder);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> model.withInput("cache", InputRole.PAST))
                .withMessageContaining("'cache' [batch, a, b, 2] can't be told")
                .withMessageContaining("OnnxModel.withDimension");
        OnnxModel said = model.withDimension("a", 3).withInput("cache", InputRole.PAST);
        assertThat(HandGraph.tensor(said, "same").shape()).hasValue(List.of("batch", "3", "0", "2"));
    }

    // ---- what ONNX Runtime infers wrongly ----

    /** ONNX's own Attention: with a past of none, ONNX Runtime says that there are no keys. */
    @Test
    void weightsOfOnnxsAttention() {
        for (int heads : new int[] {1, 2}) {
            OnnxModel model = HandGraph.opset(23)
                    .ir(11)
                    .floats("table", new float[] {0, 0, 1, 0.5f, 2, -1, 3, 0.25f, 4, 1}, 5, 2)
                    .input("input_ids", DataType.INT64, "batch", "seq")
                    .input("past_key_0", DataType.FLOAT, "batch", "" + heads, "past", "" + 2 / heads)
                    .input("past_value_0", DataType.FLOAT, "batch", "" + heads, "past", "" + 2 / heads)
                    .node("Gather", "table input_ids", "x")
                    .node(
                            "Attention",
                            "x x x _ past_key_0 past_value_0",
                            "att present_key_0 present_value_0 qk",
                            attribute("is_causal", 1),
                            attribute("q_num_heads", heads),
                            attribute("kv_num_heads", heads),
                            attribute("qk_matmul_output_mode", 3))
                    .open(folder);
            float[][] rows = {{0, 0}, {1, 0.5f}, {2, -1}, {3, 0.25f}, {4, 1}};
            Activations all = capture(model, prompts(), "qk", "present_key_0", "att");
            for (int prompt = 0; prompt < TOKENS.length; prompt++) {
                int[] tokens = TOKENS[prompt];
                for (int head = 0; head < heads; head++) {
                    for (int query = 0; query < tokens.length; query++) {
                        double[] weights = new double[tokens.length];
                        double sum = 0;
                        for (int key = 0; key <= query; key++) {
                            double score = 0;
                            for (int d = head * 2 / heads; d < (head + 1) * 2 / heads; d++) {
                                score += rows[tokens[query]][d] * rows[tokens[key]][d];
                            }
                            weights[key] = Math.exp(score / Math.sqrt(2.0 / heads));
                            sum += weights[key];
                        }
                        for (int key = 0; key < tokens.length; key++) {
                            int at = (head * tokens.length + query) * tokens.length + key;
                            assertThat(all.at("qk").row(prompt).get(at))
                                    .isCloseTo((float) (weights[key] / sum), within(1e-5f));
                        }
                    }
                }
            }
            assertThatNoException().isThrownBy(() -> {
                try (Probe probe = Probe.builder(model)
                        .sites("present_key_0")
                        .pooling(Pooling.mean())
                        .build()) {
                    probe.capture(prompts());
                }
            });
        }
    }

    private static AttributeProto attribute(String name, long value) {
        return OnnxProtos.attribute(name, value);
    }

    // ---- saving ----

    @Test
    void aSavedGraphSaysNothingFalseOfThePast() {
        OnnxModel model = cached("past_key_values.0.key");
        Path saved = folder.resolve("saved.onnx");
        model.export()
                .sites(Sites.glob("scores"), Sites.glob("present"), Sites.glob("z"))
                .to(saved);
        Map<String, List<String>> declared = new HashMap<>();
        OnnxFile.read(saved)
                .graph()
                .getOutputList()
                .forEach(output -> declared.put(
                        output.getName(),
                        output.getType().getTensorType().getShape().getDimList().stream()
                                .map(dim -> dim.hasDimValue() ? "" + dim.getDimValue() : dim.getDimParam())
                                .toList()));
        assertThat(declared)
                .containsEntry("scores", List.of("batch", "sequence", "total"))
                .containsEntry("present", List.of("batch", "total", "2"))
                .containsEntry("z", List.of("batch", "sequence", "2"));
        // Where nothing is as long as both together, the axis is open.
        OnnxModel without = embedding()
                .input("past_key_values.0.key", DataType.FLOAT, "batch", "past", "2")
                .node("Gather", "table input_ids", "now")
                .node("Concat", "past_key_values.0.key now", "present", OnnxProtos.attribute("axis", 1L))
                .open(folder)
                .withDimension("sequence", 3);
        Path other = folder.resolve("other.onnx");
        without.export().to(other);
        OnnxFile file = OnnxFile.read(other);
        assertThat(file.graph().getOutputList())
                .filteredOn(output -> output.getName().equals("present"))
                .singleElement()
                .satisfies(output -> assertThat(
                                output.getType().getTensorType().getShape().getDim(1))
                        .satisfies(dim -> assertThat(dim.hasDimValue()).isFalse()));
        assertThat(OnnxModel.open(saved).tensors()).isNotEmpty();
    }
}
