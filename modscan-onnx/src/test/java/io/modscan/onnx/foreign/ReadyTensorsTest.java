package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.OnnxProtos;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images, audio and whatever else is no text. */
class ReadyTensorsTest {

    @TempDir
    private Path folder;

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

    private static Activations capture(OnnxModel model, Pooling pooling, String site, Prompt... prompts) {
        try (Probe probe = Probe.builder(model)
                .sites(site)
                .pooling(pooling)
                .tokenBudget(1000)
                .build()) {
            return probe.capture(Prompts.of(List.of(prompts)));
        }
    }

    // ---- images ----

    /** Each of two channels out is the sum of the three channels in, times 1 and times -2; then means, and their sums. */
    private OnnxModel images(String batch, String height, String width) {
        return HandGraph.opset(17)
                .input("pixels", DataType.FLOAT, batch, "3", height, width)
                .floats("kernel", new float[] {1, 1, 1, -2, -2, -2}, 2, 3, 1, 1)
                .floats("classes", new float[] {1, 0, 0, 1, 1, 1}, 3, 2)
                .floats("offsets", new float[] {0, 0, 10}, 3)
                .node("Conv", "pixels kernel", "conv")
                .node("Relu", "conv", "relu")
                .node("GlobalAveragePool", "conv", "mean")
                .node("Flatten", "mean", "flat")
                .node("Gemm", "flat classes offsets", "scores", OnnxProtos.attribute("transB", 1L))
                .open(folder);
    }

    /** Pixel i of channel c is 100 c + i + first. */
    private static Prompt image(String id, int height, int width, float first) {
        float[] pixels = new float[3 * height * width];
        for (int channel = 0; channel < 3; channel++) {
            for (int i = 0; i < height * width; i++) {
                pixels[channel * height * width + i] = 100 * channel + i + first;
            }
        }
        return Prompt.ofTensors(id, Map.of("pixels", InputTensor.of(pixels, 3, height, width)));
    }

    private static float[] conv(int height, int width, float first) {
        float[] values = new float[2 * height * width];
        for (int i = 0; i < height * width; i++) {
            float sum = 300 + 3 * (i + first);
            values[i] = sum;
            values[height * width + i] = -2 * sum;
        }
        return values;
    }

    private static float[] scores(int height, int width, float first) {
        float mean = 300 + 3 * ((height * width - 1) / 2f + first);
        return new float[] {mean, -2 * mean, mean - 2 * mean + 10};
    }

    @Test
    void imagesOfOneSizeRunTogether() {
        OnnxModel model = images("batch", "4", "5");
        assertThat(site(model, "conv").axes()).containsExactly(Axis.units(2), Axis.units(4), Axis.units(5));
        assertThat(site(model, "scores").axes()).containsExactly(Axis.units(3));
        Activations conv =
                capture(model, Pooling.none(), "conv", image("a", 4, 5, 0), image("b", 4, 5, 7), image("c", 4, 5, -3));
        assertThat(conv.at("conv").vector(0)).containsExactly(conv(4, 5, 0));
        assertThat(conv.at("conv").vector(1)).containsExactly(conv(4, 5, 7));
        assertThat(conv.at("conv").vector(2)).containsExactly(conv(4, 5, -3));
        Activations magnitude = capture(model, Pooling.none(), "scores.magnitude", image("a", 4, 5, 0));
        float[] scores = scores(4, 5, 0);
        assertThat(magnitude.at("scores.magnitude").vector(0)[0])
                .isCloseTo((float) Math.hypot(Math.hypot(scores[0], scores[1]), scores[2]), within(0.01f));
    }

    @Test
    void imagesOfDifferentSizesRunInOneCapture() {
        OnnxModel model = images("batch", "height", "width");
        assertThat(refusal(model, "relu")).contains("its axis 2 is height", "which has to be said first");
        assertThat(site(model, "scores").axes()).containsExactly(Axis.units(3));
        Activations scores =
                capture(model, Pooling.none(), "scores", image("a", 4, 5, 0), image("b", 2, 3, 7), image("c", 4, 5, 1));
        assertThat(scores.at("scores").vector(0)).containsExactly(scores(4, 5, 0));
        assertThat(scores.at("scores").vector(1)).containsExactly(scores(2, 3, 7));
        assertThat(scores.at("scores").vector(2)).containsExactly(scores(4, 5, 1));
    }

    @Test
    void symbolsAreGivenLengths() {
        OnnxModel model = images("N", "height", "");
        assertThatThrownBy(() -> model.withDimension("depth", 3))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining(
                        "none of its inputs has an axis 'depth'; their symbols are [N, height, pixels.3]");
        OnnxModel sized = model.withDimension("height", 4).withDimension("pixels.3", 5);
        assertThat(site(sized, "relu").axes()).containsExactly(Axis.units(2), Axis.units(4), Axis.units(5));
        assertThat(capture(sized, Pooling.none(), "conv", image("a", 4, 5, 2), image("b", 4, 5, 3))
                        .at("conv")
                        .vector(1))
                .containsExactly(conv(4, 5, 3));
        assertThatThrownBy(() -> capture(sized, Pooling.none(), "conv", image("a", 4, 6, 2)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("prompt 'a'")
                .hasMessageContaining("input 'pixels' takes float32 [3, 4, 5] a sample, not float32 [3, 4, 6]");
    }

    @Test
    void aBatchOfOneMayBeLeftOutOfASample() {
        OnnxModel model = images("1", "2", "2");
        assertThat(site(model, "conv").axes()).containsExactly(Axis.units(2), Axis.units(2), Axis.units(2));
        Prompt whole = Prompt.ofTensors(
                "whole",
                Map.of(
                        "pixels",
                        InputTensor.of(new float[] {0, 1, 2, 3, 100, 101, 102, 103, 200, 201, 202, 203}, 1, 3, 2, 2)));
        Activations conv = capture(model, Pooling.none(), "conv", image("a", 2, 2, 0), whole, image("b", 2, 2, 9));
        assertThat(conv.at("conv").vector(0)).containsExactly(conv(2, 2, 0));
        assertThat(conv.at("conv").vector(1)).containsExactly(conv(2, 2, 0));
        assertThat(conv.at("conv").vector(2)).containsExactly(conv(2, 2, 9));
    }

    @Test
    void anUnnamedBatchIsRefusedUntilItIsSaid() {
        OnnxModel model = images("", "2", "2");
        assertThat(refusal(model, "conv")).contains("its axis 0 is pixels.0", "that it is the batch");
        assertThat(model.sites()).isEmpty();
        OnnxModel said = model.withBatch("pixels.0");
        assertThat(capture(said, Pooling.none(), "scores", image("a", 2, 2, 2), image("b", 2, 2, 5))
                        .at("scores")
                        .vector(1))
                .containsExactly(scores(2, 2, 5));
        assertThatThrownBy(() -> model.withBatch("batch"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("none of its inputs has an axis 'batch'; their symbols are [pixels.0]");
        assertThatThrownBy(() -> said.withPositions("pixels.0"))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("both the batch and the positions");
    }

    @Test
    void axesThatExportersNameAlikeAreToldApart() {
        OnnxModel model = images("None", "None", "?");
        assertThat(capture(
                                model.withBatch("pixels.0"),
                                Pooling.none(),
                                "scores",
                                image("a", 2, 3, 2),
                                image("b", 3, 2, 5))
                        .at("scores")
                        .vector(1))
                .containsExactly(scores(3, 2, 5));
    }

    @Test
    void nothingIsPooledWhereThereAreNoPositions() {
        assertThatThrownBy(() -> capture(images("batch", "2", "2"), Pooling.mean(), "conv", image("a", 2, 2, 0)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no single axis of positions");
    }

    @Test
    void aRecordingGivesWhatWasCaptured() {
        OnnxModel model = images("batch", "height", "width");
        List<Prompt> prompts = List.of(image("a", 4, 5, 0), image("b", 2, 3, 7));
        Path file = folder.resolve("images.safetensors");
        List<float[]> pieces = new ArrayList<>();
        try (Probe probe = Probe.builder(model).sites("scores").build()) {
            probe.capture(prompts, file);
            probe.forEach(prompts, piece -> {
                for (int i = 0; i < piece.prompts().size(); i++) {
                    pieces.add(piece.at("scores").vector(i));
                }
            });
        }
        assertThat(pieces).containsExactly(scores(4, 5, 0), scores(2, 3, 7));
        Recording recording = Recording.open(file);
        assertThat(recording.activations().at("scores").vector(1)).containsExactly(scores(2, 3, 7));
    }

    @Test
    void textIsRefused() {
        OnnxModel model = images("batch", "2", "2");
        for (Prompt prompt : List.of(Prompt.of("a", "text"), Prompt.ofTokens("a", 1, 2))) {
            assertThatThrownBy(() -> capture(model, Pooling.none(), "conv", prompt))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining("'pixels'")
                    .hasMessageContaining("OnnxModel.withInput")
                    .hasMessageContaining("ready tensors");
        }
    }

    // ---- audio ----

    private OnnxModel audio(String batch, String time) {
        return HandGraph.opset(17)
                .input("audio", DataType.FLOAT, batch, time, "2")
                .floats("weight", new float[] {1, 0, 1, 0, 1, -1}, 2, 3)
                .node("MatMul", "audio weight", "frames")
                .open(folder);
    }

    private static Prompt sound(String id, float... mel) {
        return Prompt.ofTensors(id, Map.of("audio", InputTensor.of(mel, mel.length / 2, 2)));
    }

    @Test
    void framesArePooledByTheSample() {
        for (OnnxModel model : List.of(
                audio("batch", "time"),
                audio("", "steps").withBatch("audio.0").withPositions("steps"),
                audio("1", "").withPositions("audio.1"))) {
            assertThat(site(model, "frames").axes()).containsExactly(Axis.POSITION, Axis.units(3));
            Prompt[] sounds = {
                sound("a", 1, 2, 3, 5), sound("b", -1, -2), sound("c", 4, 4, 6, 0, -1, 8), sound("d", 0, 1, 1, 1)
            };
            Activations none = capture(model, Pooling.none(), "frames", sounds);
            assertThat(none.at("frames").vector(0, 1)).containsExactly(3, 5, -2);
            assertThat(none.at("frames").vector(2, 2)).containsExactly(-1, 8, -9);
            assertThat(none.at("frames").vector(3, 1)).containsExactly(1, 1, 0);
            Activations mean = capture(model, Pooling.mean(), "frames", sounds);
            assertThat(mean.at("frames").vector(0)).containsExactly(2, 3.5f, -1.5f);
            assertThat(mean.at("frames").vector(1)).containsExactly(-1, -2, 1);
            assertThat(mean.at("frames").vector(2)).containsExactly(new float[] {3, 4, -1}, within(1e-6f));
            Activations max = capture(model, Pooling.max(), "frames", sounds);
            assertThat(max.at("frames").vector(1)).containsExactly(-1, -2, 1);
            assertThat(max.at("frames").vector(2)).containsExactly(6, 8, 6);
            Activations last = capture(model, Pooling.last(), "frames", sounds);
            assertThat(last.at("frames").vector(2)).containsExactly(-1, 8, -9);
            assertThat(last.at("frames").vector(3)).containsExactly(1, 1, 0);
            Activations magnitude = capture(model, Pooling.max(), "frames.magnitude", sounds);
            assertThat(magnitude.at("frames.magnitude").vector(1))
                    .containsExactly(new float[] {(float) Math.sqrt(6)}, within(1e-6f));
        }
    }

    /** What is padded inside the graph is not as long as it was when its shape was inferred. */
    @Test
    void lengthsThatDifferFromWhatWasInferredAreNoticed() {
        OnnxModel model = HandGraph.opset(17)
                .input("audio", DataType.FLOAT, "batch", "time", "2")
                .list("from", 0)
                .list("to", 10)
                .list("axis", 1)
                .node("Slice", "audio from to axis", "head")
                .open(folder)
                .withDimension("time", 12);
        assertThat(site(model, "head").axes()).containsExactly(Axis.units(10), Axis.units(2));
        OnnxModel long400 = HandGraph.opset(17)
                .input("audio", DataType.FLOAT, "batch", "time", "2")
                .list("from", 0)
                .list("to", 450)
                .list("axis", 1)
                .node("Slice", "audio from to axis", "head")
                .open(folder);
        assertThat(site(long400, "head").axes()).containsExactly(Axis.POSITION, Axis.units(2));
        Prompt tooLong = sound("a", new float[1000]);
        for (Pooling pooling : List.of(Pooling.none(), Pooling.mean(), Pooling.max(), Pooling.last())) {
            assertThatThrownBy(() -> capture(long400, pooling, "head", tooLong))
                    .as(pooling.toString())
                    .isInstanceOf(ModscanException.class);
        }
    }

    // ---- several inputs ----

    private OnnxModel several() {
        return HandGraph.opset(17)
                .input("left", DataType.FLOAT, "batch", "n_left")
                .input("right", DataType.INT64, "batch", "2")
                .input("flag", DataType.BOOL, "batch", "1")
                .input("scale", DataType.DOUBLE)
                .list("one", 1)
                .node("ReduceSum", "left one", "sums", OnnxProtos.attribute("keepdims", 1L))
                .node("Cast", "right", "rights", OnnxProtos.attribute("to", 1L))
                .node("Cast", "flag", "flags", OnnxProtos.attribute("to", 1L))
                .node("Cast", "scale", "scales", OnnxProtos.attribute("to", 1L))
                .node("Mul", "rights flags", "chosen")
                .node("Add", "chosen sums", "together")
                .node("Mul", "together scales", "scaled")
                .open(folder);
    }

    private static Map<String, InputTensor> four(float[] left, long[] right, boolean flag, double scale) {
        return Map.of(
                "left", InputTensor.of(left, left.length),
                "right", InputTensor.of(right, 2),
                "flag", InputTensor.of(new boolean[] {flag}, 1),
                "scale", InputTensor.of(new double[] {scale}));
    }

    @Test
    void severalInputsOfDifferentTypes() {
        OnnxModel model = several();
        Prompt[] prompts = {
            Prompt.ofTensors("a", four(new float[] {1, 2}, new long[] {10, 20}, true, 2)),
            Prompt.ofTensors("b", four(new float[] {5, 6}, new long[] {7, 8}, false, -1)),
            Prompt.ofTensors("c", four(new float[] {5, 6, 7}, new long[] {7, 8}, true, 3))
        };
        Activations scaled = capture(model, Pooling.none(), "scaled", prompts);
        assertThat(scaled.at("scaled").vector(0)).containsExactly(26, 46);
        assertThat(scaled.at("scaled").vector(1)).containsExactly(-11, -11);
        assertThat(scaled.at("scaled").vector(2)).containsExactly(75, 78);
        Activations together = capture(model, Pooling.none(), "together", prompts);
        assertThat(together.at("together").vector(1)).containsExactly(11, 11);
    }

    @Test
    void samplesThatTheModelDoesNotTakeAreRefused() {
        OnnxModel model = several();
        Map<String, InputTensor> right = four(new float[] {1}, new long[] {1, 2}, true, 2);
        Map<String, InputTensor> missing = new java.util.HashMap<>(right);
        missing.remove("flag");
        Map<String, InputTensor> extra = new java.util.HashMap<>(right);
        extra.put("more", Objects.requireNonNull(right.get("left")));
        for (Map<String, InputTensor> sample : List.of(missing, extra)) {
            assertThatThrownBy(() -> capture(model, Pooling.none(), "scaled", Prompt.ofTensors("a", sample)))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContaining(
                            "takes the inputs 'left' float32 [batch, n_left], 'right' int64 [batch, 2], 'flag' bool [batch, 1], 'scale' float64 []");
        }
        Map<String, InputTensor> type = new java.util.HashMap<>(right);
        type.put("right", InputTensor.of(new int[] {1, 2}, 2));
        assertThatThrownBy(() -> capture(model, Pooling.none(), "scaled", Prompt.ofTensors("a", type)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("input 'right' takes int64 [2] a sample, not int32 [2]");
        Map<String, InputTensor> batched = new java.util.HashMap<>(right);
        batched.put("right", InputTensor.of(new long[] {1, 2}, 1, 2));
        assertThatThrownBy(() -> capture(model, Pooling.none(), "scaled", Prompt.ofTensors("a", batched)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("input 'right' takes int64 [2] a sample, not int64 [1, 2]");
    }

    @Test
    void inputsMayCallTheirBatchDifferently() {
        OnnxModel model = HandGraph.opset(17)
                .input("a", DataType.FLOAT, "", "2")
                .input("b", DataType.FLOAT, "", "2")
                .node("Add", "a b", "sum")
                .open(folder);
        OnnxModel said = model.withBatch("a.0").withBatch("b.0");
        assertThat(site(said, "sum").axes()).containsExactly(Axis.units(2));
        InputTensor one = InputTensor.of(new float[] {1, 2}, 2);
        InputTensor other = InputTensor.of(new float[] {30, 40}, 2);
        Activations sums = capture(
                said,
                Pooling.none(),
                "sum",
                Prompt.ofTensors("x", Map.of("a", one, "b", other)),
                Prompt.ofTensors("y", Map.of("a", one, "b", one)));
        assertThat(sums.at("sum").vector(0)).containsExactly(31, 42);
        assertThat(sums.at("sum").vector(1)).containsExactly(2, 4);
    }

    @Test
    void aBatchThatIsNotTheFirstAxis() {
        OnnxModel model = HandGraph.opset(17)
                .input("audio", DataType.FLOAT, "time", "batch", "2")
                .floats("two", new float[] {2}, 1)
                .node("Mul", "audio two", "twice")
                .open(folder);
        assertThat(site(model, "twice").axes()).containsExactly(Axis.POSITION, Axis.units(2));
        Activations twice = capture(
                model, Pooling.none(), "twice", sound("a", 1, 2, 3, 4), sound("b", 5, 6), sound("c", 7, 8, 9, 0));
        assertThat(twice.at("twice").row(0).get(3)).isEqualTo(8);
        assertThat(twice.at("twice").vector(2, 0)).containsExactly(14, 16);
        assertThat(capture(model, Pooling.mean(), "twice", sound("a", 1, 2, 3, 4), sound("c", 7, 8, 9, 0))
                        .at("twice")
                        .vector(1))
                .containsExactly(16, 8);
    }

    @Test
    void noBatchAxisAtAll() {
        OnnxModel model = HandGraph.opset(17)
                .input("points", DataType.FLOAT, "seq", "2")
                .floats("two", new float[] {2}, 1)
                .node("Mul", "points two", "twice")
                .open(folder);
        assertThat(site(model, "twice").onDemand()).isFalse();
        Prompt a = Prompt.ofTensors("a", Map.of("points", InputTensor.of(new float[] {1, 2, 3, 4}, 2, 2)));
        Prompt b = Prompt.ofTensors("b", Map.of("points", InputTensor.of(new float[] {5, 6}, 1, 2)));
        assertThat(capture(model, Pooling.none(), "twice", a, b).at("twice").vector(0, 1))
                .containsExactly(6, 8);
        assertThat(capture(model, Pooling.mean(), "twice", a, b).at("twice").vector(0))
                .containsExactly(4, 6);
        assertThat(capture(model, Pooling.last(), "twice.magnitude", a, b)
                        .at("twice.magnitude")
                        .vector(0))
                .containsExactly(10);
    }

    @Test
    void inputsThatCannotBeGivenAreRefused() {
        OnnxModel model = HandGraph.opset(17)
                .input("x", DataType.UINT16, "batch", "2")
                .node("Cast", "x", "y", OnnxProtos.attribute("to", 1L))
                .open(folder);
        Prompt prompt =
                Prompt.ofTensors("a", Map.of("x", InputTensor.of(DType.U16, java.nio.ByteBuffer.allocate(4), 2)));
        assertThatThrownBy(() -> capture(model, Pooling.none(), "y", prompt))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("uint16 can't be given from Java");
        HandGraph unknown =
                HandGraph.opset(17).inputOfUnknownRank("x", DataType.FLOAT).node("Relu", "x", "y");
        assertThatThrownBy(() -> unknown.open(folder))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining("its input 'x' does not say how many axes it has");
    }
}
