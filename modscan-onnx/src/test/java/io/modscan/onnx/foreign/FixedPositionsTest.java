package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
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
import io.modscan.core.site.Sites;
import io.modscan.onnx.internal.graph.OnnxProtos;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Positions of which every sample has as many: an image's patches, tokens of a fixed length. */
class FixedPositionsTest {

    @TempDir
    private Path folder;

    private static Site site(OnnxModel model, String name) {
        return model.sites().stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static Activations capture(OnnxModel model, Pooling pooling, Prompts prompts, String... sites) {
        try (Probe probe = Probe.builder(model)
                .sites(sites)
                .pooling(pooling)
                .tokenBudget(1000)
                .build()) {
            return probe.capture(prompts);
        }
    }

    /** Patches of 2 values, 3 of them, which attend to each other with 2 heads of 1. */
    private HandGraph patches() {
        return HandGraph.opset(17)
                .input("pixels", DataType.FLOAT, "batch", "6")
                .list("patches", 0, 3, 2)
                .list("heads", 0, 3, 2, 1)
                .node("Reshape", "pixels patches", "hidden")
                .node("Reshape", "hidden heads", "split")
                .node("Transpose", "split", "q", OnnxProtos.attribute("perm", new long[] {0, 2, 1, 3}))
                .node("Transpose", "split", "k", OnnxProtos.attribute("perm", new long[] {0, 2, 3, 1}))
                .node("MatMul", "q k", "scores");
    }

    @Test
    void patchesAreSaidByTheirNumber() {
        OnnxModel unsaid = patches().open(folder);
        assertThat(site(unsaid, "hidden").axes()).containsExactly(Axis.units(3), Axis.units(2));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> unsaid.withHeads(unsaid.operator("MatMul"), 2))
                .withMessageContaining("withPositions");
        OnnxModel model = unsaid.withPositions("3");
        assertThat(site(model, "hidden").axes()).containsExactly(Axis.POSITION, Axis.units(2));
        assertThat(site(model, "q").axes()).containsExactly(Axis.POSITION, Axis.heads(2), Axis.units(1));
        assertThat(site(model, "scores").axes()).containsExactly(Axis.heads(2), Axis.QUERY, Axis.KEY);
        OnnxModel declared = model.withHeads(model.operator("Reshape"), 2);
        assertThat(site(declared, "hidden").axes()).containsExactly(Axis.POSITION, Axis.heads(2), Axis.units(1));
        Prompts prompts = Prompts.of(List.of(
                Prompt.ofTensors("a", Map.of("pixels", InputTensor.of(new float[] {1, 2, 3, 4, 5, 6}, 6))),
                Prompt.ofTensors("b", Map.of("pixels", InputTensor.of(new float[] {0, 1, 0, -1, 0, 3}, 6)))));
        Activations mean = capture(model, Pooling.mean(), prompts, "hidden");
        assertThat(mean.at("hidden").vector(0)).containsExactly(3, 4);
        assertThat(mean.at("hidden").vector(1)).containsExactly(0, 1);
        Activations last = capture(model, Pooling.last(), prompts, "hidden");
        assertThat(last.at("hidden").vector(1)).containsExactly(0, 3);
        Activations all = capture(model, Pooling.none(), prompts, "hidden", "scores");
        assertThat(all.at("hidden").vector(0, 1)).containsExactly(3, 4);
        // Head 1 has the second of each patch.
        assertThat(all.at("scores").row(1).get(9 + 3 * 2 + 1)).isEqualTo(-3);
    }

    @Test
    void paddingOfTokensIsCutOff() {
        float[] table = new float[16 * 4];
        for (int i = 0; i < table.length; i++) {
            table[i] = i;
        }
        OnnxModel unsaid = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "batch", "5")
                .input("attention_mask", DataType.INT64, "batch", "5")
                .floats("table", table, 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .list("heads", 0, 0, 2, 2)
                .node("Reshape", "hidden heads", "split")
                .node("Transpose", "split", "q", OnnxProtos.attribute("perm", new long[] {0, 2, 1, 3}))
                .node("Transpose", "split", "k", OnnxProtos.attribute("perm", new long[] {0, 2, 3, 1}))
                .node("MatMul", "q k", "scores")
                .open(folder);
        assertThat(site(unsaid, "hidden").axes()).containsExactly(Axis.units(5), Axis.units(4));
        OnnxModel model = unsaid.withPositions("5");
        int[][] tokens = {{3, 1, 2}, {7}, {1, 2, 3, 4, 5}};
        Prompts prompts = Prompts.of(List.of(
                Prompt.ofTokens("a", tokens[0]), Prompt.ofTokens("b", tokens[1]), Prompt.ofTokens("c", tokens[2])));
        Activations all = capture(model, Pooling.none(), prompts, "hidden", "scores");
        Activations mean = capture(model, Pooling.mean(), prompts, "hidden");
        for (int prompt = 0; prompt < tokens.length; prompt++) {
            int length = tokens[prompt].length;
            assertThat(all.at("hidden").row(prompt).remaining()).isEqualTo(4 * length);
            assertThat(all.at("scores").row(prompt).remaining()).isEqualTo(2 * length * length);
            for (int position = 0; position < length; position++) {
                int row = tokens[prompt][position];
                assertThat(all.at("hidden").vector(prompt, position))
                        .containsExactly(4 * row, 4 * row + 1, 4 * row + 2, 4 * row + 3);
                // Head 1's score of a position with itself.
                float third = 4 * row + 2;
                float fourth = 4 * row + 3;
                assertThat(all.at("scores").row(prompt).get((length + position) * length + position))
                        .isEqualTo(third * third + fourth * fourth);
            }
            assertThat(mean.at("hidden").vector(prompt)[1])
                    .isCloseTo(
                            (float) (4 * Arrays.stream(tokens[prompt]).average().orElseThrow() + 1), within(1e-4f));
        }
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(
                        model,
                        Pooling.mean(),
                        Prompts.of(List.of(Prompt.ofTokens("long", 1, 2, 3, 4, 5, 6))),
                        "hidden"))
                .withMessageContaining("long");
    }

    @Test
    void lengthsGivenBeforeOrAfterMayBePositions() {
        HandGraph text = HandGraph.text(17, false);
        OnnxModel open = text.open(folder);
        for (OnnxModel model : List.of(
                open.withDimension("sequence", 6).withPositions("6"),
                open.withPositions("sequence").withDimension("sequence", 6))) {
            assertThat(site(model, "hidden").axes()).containsExactly(Axis.POSITION, Axis.units(4));
            Activations all = capture(model, Pooling.none(), Prompts.of(List.of(Prompt.ofTokens("a", 1, 2))), "hidden");
            assertThat(all.at("hidden").row(0).remaining()).isEqualTo(8);
        }
    }

    @Test
    void whatTokenIdsTellIsNotContradicted() {
        OnnxModel text = HandGraph.text(17, false).open(folder);
        for (String axis : List.of("batch", "4")) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> text.withPositions(axis))
                    .withMessageContaining("model.onnx")
                    .withMessageContaining("the positions can't be '" + axis + "'")
                    .withMessageContaining("[batch, sequence]");
        }
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> text.withBatch("sequence"))
                .withMessageContaining("the batch can't be 'sequence'");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> text.withInput("attention_mask", InputRole.TOKEN_IDS)
                        .withInput("input_ids", InputRole.TOKEN_IDS))
                .withMessageContaining("[attention_mask, input_ids] are both said to be token ids");
        OnnxModel image = patches().open(folder);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> image.withPositions("7"))
                .withMessageContaining("has an axis of 7 positions");
    }

    /** Padding that is read as if it were the prompt's would be taken for data. */
    @Test
    void tooFewTokensForUnitsAreRefused() {
        OnnxModel model = HandGraph.text(17, false).open(folder).withDimension("sequence", 4);
        Prompts few = Prompts.of(List.of(Prompt.ofTokens("few", 1, 2)));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(model, Pooling.none(), few, "hidden"))
                .withMessageContaining("a prompt has 2 tokens")
                .withMessageContaining("withPositions(\"4\")");
        Prompts enough = Prompts.of(List.of(Prompt.ofTokens("enough", 1, 2, 3, 4)));
        assertThat(capture(model, Pooling.none(), enough, "hidden")
                        .at("hidden")
                        .row(0)
                        .remaining())
                .isEqualTo(16);
    }

    @Test
    void axesOfTokenIdsThatAreCalledAlikeAreTwo() {
        OnnxModel model = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "N", "N")
                .input("attention_mask", DataType.INT64, "N", "N")
                .floats("table", HandGraph.table(), 16, 4)
                .node("Gather", "table input_ids", "hidden")
                .open(folder);
        assertThat(site(model, "hidden").axes()).containsExactly(Axis.POSITION, Axis.units(4));
        Activations all = capture(
                model,
                Pooling.none(),
                Prompts.of(List.of(Prompt.ofTokens("a", 1, 2, 3), Prompt.ofTokens("b", 4))),
                "hidden");
        assertThat(all.at("hidden").row(1).remaining()).isEqualTo(4);
    }

    // ---- as long by chance ----

    /** As wide as there are positions; attention of {@code heads} heads. */
    private HandGraph asWide(int width, int heads, boolean table) {
        float[] rows = new float[16 * width];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = (float) Math.sin(i);
        }
        String length = "4";
        HandGraph graph = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "1", length)
                .input("attention_mask", DataType.INT64, "1", length)
                .floats("table", rows, 16, width)
                .floats("weight", Arrays.copyOf(rows, width * width), width, width)
                .node("Gather", "table input_ids", "looked_up")
                .node("MatMul", "looked_up weight", "projected");
        if (table) {
            graph.floats("places", Arrays.copyOf(rows, 4 * width), 1, 4, width)
                    .node("Add", "projected places", "hidden");
        } else {
            graph.node("Identity", "projected", "hidden");
        }
        return graph.list("heads", 0, 0, heads, width / heads)
                .node("Reshape", "hidden heads", "split")
                .node("Transpose", "split", "q", OnnxProtos.attribute("perm", new long[] {0, 2, 1, 3}))
                .node("Transpose", "split", "k", OnnxProtos.attribute("perm", new long[] {0, 2, 3, 1}))
                .node("MatMul", "q k", "scores")
                .list("first", 0)
                .node("Gather", "hidden first", "pooled", OnnxProtos.attribute("axis", 1L));
    }

    private static final Prompts TWO = Prompts.of(List.of(Prompt.ofTokens("a", 3, 1)));

    @Test
    void whereOtherLengthsAreTakenAxesAreToldApart() {
        OnnxModel wide = asWide(4, 2, false).open(folder).withPositions("4");
        assertThat(site(wide, "hidden").axes()).containsExactly(Axis.POSITION, Axis.units(4));
        assertThat(site(wide, "scores").axes()).containsExactly(Axis.heads(2), Axis.QUERY, Axis.KEY);
        assertThat(site(wide, "pooled").axes()).containsExactly(Axis.units(1), Axis.units(4));
        Activations all = capture(wide, Pooling.none(), TWO, "hidden", "looked_up");
        assertThat(all.at("hidden").row(0).remaining()).isEqualTo(2 * 4);
        float[] row = all.at("looked_up").vector(0, 1);
        for (int unit = 0; unit < 4; unit++) {
            assertThat(row[unit]).isEqualTo((float) Math.sin(4 + unit));
        }
        assertThat(capture(wide, Pooling.mean(), TWO, "looked_up")
                        .at("looked_up")
                        .vector(0)[2])
                .isCloseTo((float) (Math.sin(6) + Math.sin(14)) / 2, within(1e-6f));
        // As many heads, or heads as wide.
        OnnxModel heads = asWide(8, 4, false).open(folder).withPositions("4");
        assertThat(site(heads, "split").axes()).containsExactly(Axis.POSITION, Axis.heads(4), Axis.units(2));
        assertThat(site(heads, "scores").axes()).containsExactly(Axis.heads(4), Axis.QUERY, Axis.KEY);
        OnnxModel headWidth = asWide(8, 2, false).open(folder).withPositions("4");
        assertThat(site(headWidth, "split").axes()).containsExactly(Axis.POSITION, Axis.heads(2), Axis.units(4));
    }

    @Test
    void whereOtherLengthsAreNotTakenItIsAskedFor() {
        OnnxModel wide = asWide(4, 2, true).open(folder).withPositions("4");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> capture(wide, Pooling.none(), TWO, "hidden"))
                .withMessageContaining("'hidden' can't be read: its axis 1 is 4")
                .withMessageContaining("OnnxModel.withPositionAxes");
        OnnxModel said = wide.withPositionAxes(Sites.glob("*"), 1).withPositionAxes(Sites.glob("scores"), 2, 3);
        assertThat(site(said, "hidden").axes()).containsExactly(Axis.POSITION, Axis.units(4));
        assertThat(site(said, "scores").axes()).containsExactly(Axis.heads(2), Axis.QUERY, Axis.KEY);
        assertThat(capture(said, Pooling.none(), TWO, "hidden")
                        .at("hidden")
                        .row(0)
                        .remaining())
                .isEqualTo(8);
        assertThat(said.provenance()).isNotEqualTo(wide.provenance());
        OnnxModel headWidth = asWide(8, 2, true).open(folder).withPositions("4");
        assertThat(HandGraph.refusal(headWidth, "split")).contains("OnnxModel.withPositionAxes");
        OnnxModel both =
                headWidth.withPositionAxes(Sites.glob("split"), 1).withPositionAxes(Sites.glob("scores"), 2, 3);
        assertThat(site(both, "split").axes()).containsExactly(Axis.POSITION, Axis.heads(2), Axis.units(4));
        OnnxModel none = wide.withPositionAxes(Sites.glob("pooled"));
        assertThat(site(none, "pooled").axes()).containsExactly(Axis.units(1), Axis.units(4));
    }

    /** Of another width, each axis of that length is one of positions, as it can be nothing else. */
    @Test
    void whereNothingElseIsAsLongNothingIsAsked() {
        OnnxModel model = asWide(6, 2, true).open(folder).withPositions("4");
        assertThat(site(model, "hidden").axes()).containsExactly(Axis.POSITION, Axis.units(6));
        assertThat(site(model, "scores").axes()).containsExactly(Axis.heads(2), Axis.QUERY, Axis.KEY);
    }

    /** Of images other numbers of patches can't be tried. */
    @Test
    void asManyPatchesAsUnits() {
        OnnxModel model = HandGraph.opset(17)
                .input("pixels", DataType.FLOAT, "batch", "9")
                .list("patches", 0, 3, 3)
                .floats("weight", new float[] {1, 0, 0, 0, 2, 0, 0, 0, 3}, 3, 3)
                .node("Reshape", "pixels patches", "hidden")
                .node("MatMul", "hidden weight", "z")
                .open(folder)
                .withPositions("3");
        assertThat(HandGraph.refusal(model, "z")).contains("its axis 1 is 3", "withPositionAxes");
        Prompts image = Prompts.of(List.of(Prompt.ofTensors(
                "a", Map.of("pixels", InputTensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, 9)))));
        OnnxModel said = model.withPositionAxes(Sites.glob("z"), 1);
        assertThat(capture(said, Pooling.mean(), image, "z").at("z").vector(0)).containsExactly(4, 10, 18);
        // The other way round it is another model's.
        OnnxModel turned = model.withPositionAxes(Sites.glob("z"), 2);
        assertThat(capture(turned, Pooling.mean(), image, "z").at("z").vector(0))
                .containsExactly(new float[] {14f / 3, 32f / 3, 50f / 3}, within(1e-5f));
    }

    /** What makes a shape of the number itself would be inferred as if it were another axis. */
    @Test
    void aShapeThatHoldsTheNumberIsNoOtherLength() {
        OnnxModel model = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "1", "4")
                .input("attention_mask", DataType.INT64, "1", "4")
                .floats("table", HandGraph.table(), 16, 4)
                .list("shape", 1, 4, 2, 2)
                .node("Gather", "table input_ids", "hidden")
                .node("Reshape", "hidden shape", "split")
                .open(folder)
                .withPositions("4");
        assertThat(HandGraph.refusal(model, "split")).contains("withPositionAxes");
    }

    @Test
    void axesThatAreNoneAreRefused() {
        OnnxModel wide = asWide(4, 2, true).open(folder);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> wide.withPositionAxes(Sites.glob("hidden"), 1))
                .withMessageContaining("OnnxModel.withPositions");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> wide.withPositions("4").withPositionAxes(Sites.glob("hidden"), 0))
                .withMessageContaining("4 positions as its axes [0]");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> HandGraph.text(17, false).open(folder).withPositionAxes(Sites.glob("hidden"), 1))
                .withMessageContaining("its positions are the axis 'sequence'");
    }
}
