package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

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
import io.modscan.onnx.internal.graph.OnnxProtos;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How graphs of texts are fed, by the names, types and shapes of their inputs. */
class TextInputsTest {

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

    private static Site site(OnnxModel model, String name) {
        return model.sites().stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static String refusal(OnnxModel model, String name) {
        return model.tensors().stream()
                .filter(tensor -> tensor.name().equals(name))
                .findFirst()
                .flatMap(GraphTensor::refusal)
                .orElse("");
    }

    private static Activations capture(OnnxModel model, Pooling pooling, String site) {
        return capture(model, pooling, site, prompts());
    }

    private static Activations capture(OnnxModel model, Pooling pooling, String site, Prompts prompts) {
        try (Probe probe = Probe.builder(model)
                .sites(site)
                .pooling(pooling)
                .tokenBudget(100)
                .build()) {
            return probe.capture(prompts);
        }
    }

    /** A row of token t is (t, 10 t). */
    private static HandGraph embedding() {
        return HandGraph.opset(17).floats("table", new float[] {0, 0, 1, 10, 2, 20, 3, 30, 4, 40}, 5, 2);
    }

    /** The sum of token, mask, type and position at each place, as floats. */
    private OnnxModel sum(DataType ids, DataType mask, String... names) {
        HandGraph graph = HandGraph.opset(17);
        List<String> axes = List.of("batch", "sequence");
        graph.input(names[0], ids, axes.get(0), axes.get(1))
                .input(names[1], mask, axes.get(0), axes.get(1))
                .input(names[2], ids, "batch_size", "types")
                .input(names[3], ids, axes.get(0), "");
        for (String name : names) {
            graph.node("Cast", name, name + "_as_float", OnnxProtos.attribute("to", 1L));
        }
        return graph.floats("hundred", new float[] {100}, 1)
                .node("Mul", names[1] + "_as_float hundred", "hundreds")
                .node("Add", names[0] + "_as_float hundreds", "first")
                .node("Mul", names[2] + "_as_float hundred", "thousands")
                .node("Add", "first thousands", "second")
                .floats("tenth", new float[] {0.125f}, 1)
                .node("Mul", names[3] + "_as_float tenth", "places")
                .node("Add", "second places", "sum")
                .open(folder);
    }

    private static void assertSums(OnnxModel model) {
        assertThat(site(model, "sum").axes()).containsExactly(Axis.POSITION);
        Activations sums = capture(model, Pooling.none(), "sum");
        for (int prompt = 0; prompt < TOKENS.length; prompt++) {
            for (int position = 0; position < TOKENS[prompt].length; position++) {
                assertThat(sums.at("sum").row(prompt).get(position))
                        .isEqualTo(TOKENS[prompt][position] + 100 + position * 0.125f);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"INT64", "INT32", "FLOAT", "DOUBLE", "FLOAT16", "BOOL", "INT8", "UINT8"})
    void masksOfAnyType(DataType mask) {
        assertSums(sum(DataType.INT64, mask, "input_ids", "attention_mask", "token_type_ids", "position_ids"));
    }

    @Test
    void tokenIdsMayBeOfInt32() {
        assertSums(sum(
                DataType.INT32, DataType.INT32, "input_ids:0", "attention_mask:0", "segment_ids:0", "position_ids"));
    }

    @Test
    void inputsOfOtherNamesAreSaid() {
        OnnxModel model = sum(DataType.INT64, DataType.INT64, "x", "y", "z", "w");
        assertThatThrownBy(() -> capture(model, Pooling.none(), "first"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("OnnxModel.withInput");
        OnnxModel half = model.withInput("x", InputRole.TOKEN_IDS).withInput("y", InputRole.ATTENTION_MASK);
        assertThat(capture(half, Pooling.none(), "first").at("first").row(0).get(0))
                .isEqualTo(103);
        assertThatThrownBy(() -> capture(half, Pooling.none(), "second"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'second'")
                .hasMessageContaining("its length is not known")
                .hasMessageContaining("'z' int64 [batch_size, types]")
                .hasMessageContaining("OnnxModel.withInput");
        assertSums(half.withInput("z", InputRole.TOKEN_TYPES).withInput("w", InputRole.POSITIONS));
        assertThatThrownBy(() -> model.withInput("v", InputRole.TOKEN_IDS))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("has no input 'v'; its inputs are [x, y, z, w]");
    }

    @Test
    void rolesThatDoNotFitAreRefused() {
        OnnxModel model = HandGraph.opset(17)
                .input("input_ids", DataType.FLOAT, "batch", "sequence")
                .input("mask", DataType.FLOAT, "batch", "1", "4", "4")
                .floats("two", new float[] {2}, 1)
                .node("Mul", "mask two", "twice")
                .open(folder);
        // Names alone don't make it a model of texts.
        InputTensor mask = InputTensor.of(new float[16], 1, 4, 4);
        assertThat(model.positions(Map.of("input_ids", InputTensor.of(new float[3], 3), "mask", mask)))
                .isEqualTo(3);
        assertThatThrownBy(() -> model.withInput("input_ids", InputRole.TOKEN_IDS))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining(
                        "its input 'input_ids' is float32 [batch, sequence], which TOKEN_IDS can't be put into");
        assertThatThrownBy(() -> model.withInput("mask", InputRole.ATTENTION_MASK))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("its input 'mask' is float32 [batch, 1, 4, 4]");
    }

    // ---- without a mask ----

    /** Each position's value is the mean of all rows of the text, so padding would show. */
    private OnnxModel mixed(String batch, String sequence) {
        return embedding()
                .input("input_ids", DataType.INT64, batch, sequence)
                .node("Gather", "table input_ids", "embedded")
                .node(
                        "ReduceMean",
                        "embedded",
                        "mean",
                        OnnxProtos.attribute("axes", new long[] {1}),
                        OnnxProtos.attribute("keepdims", 1L))
                .node("Sub", "embedded mean", "centred")
                .open(folder);
    }

    private static float mean(int[] tokens) {
        float sum = 0;
        for (int token : tokens) {
            sum += token;
        }
        return sum / tokens.length;
    }

    @Test
    void withoutAMaskEachTextIsRunAlone() {
        for (OnnxModel model :
                List.of(mixed("batch", "sequence"), mixed("", ""), mixed("1", "sequence"), mixed("1", ""))) {
            assertThat(site(model, "centred").axes()).containsExactly(Axis.POSITION, Axis.units(2));
            Activations centred = capture(model, Pooling.none(), "centred");
            Activations max = capture(model, Pooling.max(), "centred");
            Activations last = capture(model, Pooling.last(), "centred");
            for (int prompt = 0; prompt < TOKENS.length; prompt++) {
                int[] tokens = TOKENS[prompt];
                float largest = Float.NEGATIVE_INFINITY;
                for (int i = 0; i < tokens.length; i++) {
                    float value = tokens[i] - mean(tokens);
                    largest = Math.max(value, largest);
                    assertThat(centred.at("centred").vector(prompt, i))
                            .containsExactly(new float[] {value, 10 * value}, within(1e-5f));
                }
                float end = tokens[tokens.length - 1] - mean(tokens);
                assertThat(max.at("centred").vector(prompt))
                        .containsExactly(new float[] {largest, 10 * largest}, within(1e-5f));
                assertThat(last.at("centred").vector(prompt))
                        .containsExactly(new float[] {end, 10 * end}, within(1e-5f));
            }
            assertThat(model.vocabularySize()).hasValue(5);
        }
    }

    /** A sum over positions that takes no notice of a mask would take padding in. */
    @Test
    void whatIgnoresTheMaskIsRunAlone() {
        OnnxModel model = HandGraph.opset(17)
                .floats("table", new float[] {9, 9, 1, 10, 2, 20, 3, 30, 4, 40}, 5, 2)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .input("attention_mask", DataType.INT64, "batch", "sequence")
                .node("Gather", "table input_ids", "embedded")
                .list("axis", 1)
                .node("ReduceSum", "embedded axis", "sum", OnnxProtos.attribute("keepdims", 0L))
                .open(folder);
        assertThat(site(model, "sum").axes()).containsExactly(Axis.units(2));
        Activations sums = capture(model, Pooling.none(), "sum");
        assertThat(sums.at("sum").vector(0)).containsExactly(4, 40);
        assertThat(sums.at("sum").vector(1)).containsExactly(19, 109);
        assertThat(sums.at("sum").vector(2)).containsExactly(12, 120);
    }

    @Test
    void aFixedLengthWithoutAMaskTakesNoOther() {
        for (OnnxModel model : List.of(mixed("batch", "3"), mixed("1", "3"))) {
            assertThat(model.maxTokens()).hasValue(3);
            assertThat(site(model, "centred").axes()).containsExactly(Axis.units(3), Axis.units(2));
            Activations centred =
                    capture(model, Pooling.none(), "centred", Prompts.of(List.of(Prompt.ofTokens("a", 1, 2, 3))));
            assertThat(centred.at("centred").vector(0)).containsExactly(-1, -10, 0, 0, 1, 10);
            assertThatThrownBy(() ->
                            capture(model, Pooling.none(), "centred", Prompts.of(List.of(Prompt.ofTokens("a", 1, 2)))))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("2 tokens")
                    .hasMessageContaining("no mask and exactly 3");
        }
    }

    @Test
    void aFixedLengthWithAMaskIsFilledUp() {
        for (String batch : List.of("batch", "1")) {
            OnnxModel model = HandGraph.opset(17)
                    .input("input_ids", DataType.INT64, batch, "6")
                    .input("attention_mask", DataType.INT64, batch, "6")
                    .longs("ten", new long[] {10})
                    .node("Mul", "attention_mask ten", "tens")
                    .node("Add", "input_ids tens", "sum")
                    .open(folder);
            Activations sums = capture(model.withPositions("6"), Pooling.none(), "sum");
            assertThat(sums.at("sum").vector(0, 0)).containsExactly(13);
            assertThat(sums.at("sum").row(0).remaining()).isEqualTo(2);
            assertThat(sums.at("sum").vector(1, 4)).containsExactly(13);
            assertThatThrownBy(() -> capture(model, Pooling.none(), "sum"))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("withPositions(\"6\")");
            assertThatThrownBy(() -> capture(model, Pooling.mean(), "sum"))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("no single axis of positions");
            assertThatThrownBy(() -> capture(
                            model,
                            Pooling.none(),
                            "sum",
                            Prompts.of(List.of(Prompt.ofTokens("a", 1, 1, 1, 1, 1, 1, 1)))))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("7 tokens");
        }
    }

    @Test
    void aBatchFixedToSeveralTakesReadyTensorsOnly() {
        OnnxModel model = mixed("4", "sequence");
        assertThatThrownBy(() -> capture(model, Pooling.none(), "centred"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("input 'input_ids' takes no other shape than [4, sequence]")
                .hasMessageContaining("[1, ")
                .hasMessageContaining("Prompt.ofTensors");
    }

    // ---- what a decoder keeps ----

    private OnnxModel decoder() {
        return embedding()
                .input("input_ids", DataType.INT64, "batch_size", "sequence_length")
                .input("attention_mask", DataType.INT64, "batch_size", "past_sequence_length + 1")
                .input("past_key_values.0.key", DataType.FLOAT, "batch_size", "2", "past_sequence_length", "1")
                .node("Gather", "table input_ids", "embedded")
                .list("heads", 0, 0, 2, 1)
                .node("Reshape", "embedded heads", "split")
                .node("Transpose", "split", "key", OnnxProtos.attribute("perm", new long[] {0, 2, 1, 3}))
                .node("Concat", "past_key_values.0.key key", "present.0.key", OnnxProtos.attribute("axis", 2L))
                .node("Transpose", "present.0.key", "turned", OnnxProtos.attribute("perm", new long[] {0, 1, 3, 2}))
                .node("MatMul", "key turned", "scores")
                .node("Cast", "attention_mask", "weights", OnnxProtos.attribute("to", 1L))
                .list("axes", 1, 2)
                .node("Unsqueeze", "weights axes", "seen")
                .node("Mul", "scores seen", "masked")
                .open(folder);
    }

    @Test
    void thePastIsOfNoTokens() {
        OnnxModel model = decoder();
        assertThat(site(model, "masked").axes()).containsExactly(Axis.heads(2), Axis.QUERY, Axis.KEY);
        assertThat(site(model, "present.0.key").axes()).containsExactly(Axis.POSITION, Axis.heads(2), Axis.units(1));
        Activations masked = capture(model, Pooling.none(), "masked");
        for (int prompt = 0; prompt < TOKENS.length; prompt++) {
            int[] tokens = TOKENS[prompt];
            int length = tokens.length;
            for (int query = 0; query < length; query++) {
                for (int key = 0; key < length; key++) {
                    float product = tokens[query] * tokens[key];
                    assertThat(masked.at("masked").row(prompt).get(query * length + key))
                            .isEqualTo(product);
                    assertThat(masked.at("masked").row(prompt).get((length + query) * length + key))
                            .isEqualTo(100 * product);
                }
            }
        }
        Activations keys = capture(model, Pooling.mean(), "present.0.key");
        assertThat(keys.at("present.0.key").vector(1)).containsExactly(new float[] {2, 20}, within(1e-5f));
    }

    /** With a past of some length it is no text that is run, but what a sample brings. */
    @Test
    void aPastOfSomeLengthIsNoText() {
        OnnxModel model = decoder().withDimension("past_sequence_length", 3);
        assertThat(refusal(model, "present.0.key")).contains("not known before it is computed");
        assertThat(capture(model, Pooling.none(), "embedded").at("embedded").vector(0, 1))
                .containsExactly(1, 10);
    }

    // ---- axes ----

    /** Two heads, seven units: numbers that inference puts in the place of symbols too. */
    @Test
    void numbersAreNotTakenForSymbols() {
        float[] table = new float[5 * 14];
        for (int i = 0; i < table.length; i++) {
            table[i] = i;
        }
        HandGraph graph = HandGraph.opset(17)
                .floats("table", table, 5, 14)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .input("attention_mask", DataType.INT64, "batch", "sequence")
                .node("Gather", "table input_ids", "embedded")
                .list("split_shape", 0, 0, 2, 7)
                .list("odd_shape", 0, 0, 7, 2)
                .list("merged_shape", -1, 7)
                .list("rows_shape", -1, 14)
                .node("Reshape", "embedded split_shape", "split")
                .node("Reshape", "embedded odd_shape", "odd")
                .node("Reshape", "embedded merged_shape", "merged")
                .node("Reshape", "embedded rows_shape", "rows")
                .node("Transpose", "split", "q", OnnxProtos.attribute("perm", new long[] {0, 2, 1, 3}))
                .node("Transpose", "split", "k", OnnxProtos.attribute("perm", new long[] {0, 2, 3, 1}))
                .node("MatMul", "q k", "scores")
                .node("Transpose", "embedded", "timed", OnnxProtos.attribute("perm", new long[] {1, 0, 2}))
                .node("Transpose", "scores", "late_heads", OnnxProtos.attribute("perm", new long[] {2, 0, 3, 1}))
                .list("three_shape", 3)
                .node("Unsqueeze", "scores three_shape", "wide")
                .node("Add", "wide k_five", "cube")
                .node("Unsqueeze", "scores axis_two", "k_five")
                .list("axis_two", 2);
        OnnxModel model = graph.open(folder);
        assertThat(site(model, "split").axes()).containsExactly(Axis.POSITION, Axis.heads(2), Axis.units(7));
        assertThat(site(model, "odd").axes()).containsExactly(Axis.POSITION, Axis.units(7), Axis.units(2));
        assertThat(site(model, "q").axes()).containsExactly(Axis.POSITION, Axis.heads(2), Axis.units(7));
        assertThat(site(model, "timed").axes()).containsExactly(Axis.POSITION, Axis.units(14));
        assertThat(site(model, "scores").axes()).containsExactly(Axis.heads(2), Axis.QUERY, Axis.KEY);
        assertThat(site(model, "late_heads").axes()).containsExactly(Axis.heads(2), Axis.QUERY, Axis.KEY);
        assertThat(refusal(model, "merged")).contains("its axis 0 is ?", "not known before it is computed");
        assertThat(site(model, "rows").axes()).containsExactly(Axis.POSITION, Axis.units(14));
        assertThat(refusal(model, "cube")).contains("it has 3 axes of positions");
        for (String same : List.of("split", "q", "timed", "k")) {
            Activations values = capture(model, Pooling.none(), same);
            Activations mean = capture(model, Pooling.mean(), same);
            for (int prompt = 0; prompt < TOKENS.length; prompt++) {
                for (int position = 0; position < TOKENS[prompt].length; position++) {
                    for (int unit = 0; unit < 14; unit++) {
                        assertThat(values.at(same).vector(prompt, position)[unit])
                                .isEqualTo(14 * TOKENS[prompt][position] + unit);
                    }
                }
                assertThat(mean.at(same).vector(prompt)[9]).isCloseTo(14 * mean(TOKENS[prompt]) + 9, within(1e-4f));
            }
        }
        Activations scores = capture(model, Pooling.none(), "scores");
        Activations late = capture(model, Pooling.none(), "late_heads");
        for (int prompt = 0; prompt < TOKENS.length; prompt++) {
            assertThat(late.at("late_heads").row(prompt))
                    .isEqualTo(scores.at("scores").row(prompt));
        }
        assertThatThrownBy(() -> capture(model, Pooling.mean(), "scores"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no single axis of positions");
    }

    @Test
    void headsAreSaid() {
        OnnxModel model = HandGraph.opset(17)
                .floats("table", new float[] {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}, 2, 6)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .input("attention_mask", DataType.INT64, "batch", "sequence")
                .node("Gather", "table input_ids", "embedded")
                .list("shape", 0, 0, 3, 2)
                .node("Reshape", "embedded shape", "split")
                .open(folder);
        assertThat(site(model, "split").axes()).containsExactly(Axis.POSITION, Axis.units(3), Axis.units(2));
        OnnxModel said =
                model.withHeads(model.where(tensor -> !tensor.operator().isEmpty()), 3);
        assertThat(site(said, "embedded").axes()).containsExactly(Axis.POSITION, Axis.heads(3), Axis.units(2));
        assertThat(site(said, "split").axes()).containsExactly(Axis.POSITION, Axis.heads(3), Axis.units(2));
        Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 0, 1, 0), Prompt.ofTokens("b", 1)));
        Activations values = capture(said, Pooling.none(), "embedded", prompts);
        assertThat(values.at("embedded").head(2).vector(0, 1)).containsExactly(-5, -6);
        Activations norms = capture(said, Pooling.max(), "embedded.magnitude", prompts);
        assertThat(norms.at("embedded.magnitude").vector(1))
                .containsExactly(new float[] {(float) Math.hypot(1, 2), 5, (float) Math.hypot(5, 6)}, within(1e-5f));
        assertThatThrownBy(() -> model.withHeads(model.operator("Gather"), 4))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'embedded'")
                .hasMessageContaining("can't be split into the 4 heads");
        assertThatThrownBy(() -> model.withHeads(model.operator("Reshape"), 2))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("can't be split into the 2 heads");
        assertThatThrownBy(() ->
                        model.withHeads(model.where(tensor -> tensor.name().equals("input_ids")), 2))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("'input_ids' can't be read");
    }

    /** A graph may fold or cut positions; a text of another length than it was looked at with has to show that. */
    @Test
    void lengthsThatDifferFromWhatWasInferredAreNoticed() {
        OnnxModel model = embedding()
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .input("attention_mask", DataType.INT64, "batch", "sequence")
                .node("Gather", "table input_ids", "embedded")
                .list("from", 0)
                .list("to", 8)
                .list("axis", 1)
                .node("Slice", "embedded from to axis", "cut")
                .open(folder);
        assertThat(site(model, "cut").axes()).containsExactly(Axis.POSITION, Axis.units(2));
        Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", new int[20]), Prompt.ofTokens("b", new int[20])));
        for (Pooling pooling : List.of(Pooling.none(), Pooling.mean(), Pooling.max(), Pooling.last())) {
            assertThatThrownBy(() -> capture(model, pooling, "cut", prompts))
                    .as(pooling.toString())
                    .isInstanceOf(ModscanException.class);
        }
    }
}
