package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
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
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Operators that are not ONNX's own, of which inference knows no shapes; axes without names; and what is said of both. */
class ForeignOperatorsTest {

    @TempDir
    private Path folder;

    private static AttributeProto floats(String name, float... values) {
        AttributeProto.Builder attribute =
                AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.FLOATS);
        for (float value : values) {
            attribute.addFloats(value);
        }
        return attribute.build();
    }

    /** As sklearn-onnx writes it: ONNX's own operators may not even be imported. */
    private OnnxModel scaler(boolean main, String... axes) {
        HandGraph graph = HandGraph.opset(17)
                .domain("ai.onnx.ml", 1)
                .input("float_input", DataType.FLOAT, axes)
                .node(
                        "ai.onnx.ml.Scaler",
                        "float_input",
                        "scaled",
                        floats("offset", 0, 1, 2, 3),
                        floats("scale", 1, 2, 3, 4))
                .node("ai.onnx.ml.Normalizer", "scaled", "normal")
                .node(
                        "ai.onnx.ml.LinearRegressor",
                        "scaled",
                        "y",
                        floats("coefficients", 1, 2, 3, 4, 0, 1, 0, -1),
                        floats("intercepts", 0.5f, 0),
                        OnnxProtos.attribute("targets", 2L));
        ModelProto.Builder model = graph.model();
        if (!main) {
            model.clearOpsetImport()
                    .addOpsetImport(OperatorSetIdProto.newBuilder()
                            .setDomain("ai.onnx.ml")
                            .setVersion(1));
        }
        return OnnxModel.open(HandGraph.write(
                folder.resolve("ml" + axes[0] + main + ".onnx"), model.build().toByteArray()));
    }

    private static Prompt row(String id, float... values) {
        return Prompt.ofTensors(id, Map.of("float_input", InputTensor.of(values, values.length)));
    }

    private static Activations capture(OnnxModel model, Pooling pooling, String site) {
        try (Probe probe = Probe.builder(model).sites(site).pooling(pooling).build()) {
            return probe.capture(Prompts.of(List.of(row("a", 1, 2, 3, 4), row("b", 0, 1, 2, 5))));
        }
    }

    @Test
    void shapesThatInferenceDoesNotKnowAreFoundByARun() {
        for (boolean main : new boolean[] {true, false}) {
            OnnxModel unsaid = scaler(main, "", "4");
            assertThat(HandGraph.tensor(unsaid, "scaled").shape()).hasValue(List.of("float_input.0", "4"));
            for (OnnxModel model : List.of(
                    unsaid.withBatch("float_input.0"),
                    scaler(main, "batch", "4"),
                    unsaid.withDimension("float_input.0", 1))) {
                assertThat(model.sites()).extracting(Site::name).containsExactly("scaled", "normal", "y");
                Activations scaled = capture(model, Pooling.none(), "scaled");
                assertThat(scaled.at("scaled").vector(0)).containsExactly(1, 2, 3, 4);
                assertThat(scaled.at("scaled").vector(1)).containsExactly(0, 0, 0, 8);
                assertThat(capture(model, Pooling.none(), "y").at("y").vector(1))
                        .containsExactly(32.5f, -8);
            }
        }
    }

    @Test
    void positionsThatOnlyARunTells() {
        OnnxModel model = scaler(true, "frames", "4");
        assertThat(site(model, "y").axes()).containsExactly(Axis.POSITION, Axis.units(2));
    }

    private static Site site(OnnxModel model, String name) {
        return model.sites().stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError(HandGraph.refusal(model, name)));
    }

    /** Nodes that are added are of a version that is known; without an import ONNX Runtime takes its newest. */
    @Test
    void whatIsAddedBehindAModelWithoutOnnxsOwnOperators() {
        OnnxModel model = scaler(false, "batch", "4");
        assertThat(capture(model, Pooling.none(), "y.magnitude")
                        .at("y.magnitude")
                        .vector(1)[0])
                .isEqualTo((float) Math.hypot(32.5, -8));
        OnnxModel frames = scaler(false, "frames", "4");
        Prompt prompt = Prompt.ofTensors(
                "p", Map.of("float_input", InputTensor.of(new float[] {1, 2, 3, 4, 0, 1, 2, 5}, 2, 4)));
        float[][] expected = {{0.5f, 1, 1.5f, 6}, {1, 2, 3, 8}, {0, 0, 0, 8}};
        List<Pooling> poolings = List.of(Pooling.mean(), Pooling.max(), Pooling.last());
        for (int i = 0; i < 3; i++) {
            try (Probe probe = Probe.builder(frames)
                    .sites("scaled")
                    .pooling(poolings.get(i))
                    .build()) {
                assertThat(probe.capture(Prompts.of(List.of(prompt)))
                                .at("scaled")
                                .vector(0))
                        .containsExactly(expected[i]);
            }
        }
        // A cut at positions that are fixed, too.
        OnnxModel ids = text();
        assertThat(HandGraph.values(ids, "y", Prompt.ofTokens("a", 3, 1))).containsExactly(3, 1);
    }

    /** A table of labels in place of an embedding. */
    private OnnxModel text() {
        AttributeProto keys = OnnxProtos.attribute("keys_int64s", new long[] {0, 1, 2, 3});
        HandGraph graph = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "1", "3")
                .input("attention_mask", DataType.INT64, "1", "3")
                .node("ai.onnx.ml.LabelEncoder", "input_ids", "y", keys, floats("values_floats", 0, 1, 2, 3));
        ModelProto.Builder model = graph.model()
                .clearOpsetImport()
                .addOpsetImport(
                        OperatorSetIdProto.newBuilder().setDomain("ai.onnx.ml").setVersion(2));
        return OnnxModel.open(HandGraph.write(
                        folder.resolve("text.onnx"), model.build().toByteArray()))
                .withPositions("3");
    }

    /** What hangs on values, not on shapes, is not taken for a shape that a run happened to give. */
    @Test
    void lengthsThatHangOnValuesStayUnknown() {
        OnnxModel model = HandGraph.opset(17)
                .domain("ai.onnx.ml", 1)
                .input("x", DataType.FLOAT, "batch", "4")
                .node("ai.onnx.ml.Binarizer", "x", "flags", OnnxProtos.attribute("threshold", 0.5f))
                .node("NonZero", "flags", "places")
                .open(folder);
        assertThat(HandGraph.refusal(model, "places")).contains("not known before it is computed");
    }

    // ---- reasons ----

    @ParameterizedTest
    @CsvSource({"unk__314, unk__314", "p2o.DynamicDimension.0, p2o.DynamicDimension.0", "'', x.0", "None, x.0"})
    void whereAnAxisHasToBeSaidTheReasonIsThat(String symbol, String axis) {
        OnnxModel model = HandGraph.opset(17)
                .input("x", DataType.FLOAT, symbol, "4")
                .node("Relu", "x", "y")
                .node("Neg", "y", "z")
                .open(folder);
        for (String sites : List.of("*", "?")) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> Probe.builder(model).sites(sites).build())
                    .withMessageContaining("no tensor can be read yet; say first what the axis " + axis + " is")
                    .withMessageContaining("OnnxModel.withBatch(\"" + axis + "\")")
                    .withMessageContaining("OnnxModel.withDimension(\"" + axis + "\", N)");
        }
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Probe.builder(model).sites("z").build())
                .withMessageContaining("'z' can't be read: its axis 0 is " + axis);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Probe.builder(model).sites("x").build())
                .withMessageContaining("'x' can't be read: it is what the model is given");
        assertThat(model.withBatch(axis).sites()).hasSize(2);
    }

    // ---- names ----

    @ParameterizedTest
    @ValueSource(strings = {"0", "1.5", "7x", "input.0", "?", "@3", "0.1"})
    void inputsOfAnyName(String name) {
        OnnxModel model = HandGraph.opset(17)
                .input(name, DataType.FLOAT, "1", "")
                .node("Relu", name, "y")
                .open(folder);
        String axis = HandGraph.tensor(model, "y").shape().orElseThrow().get(1);
        OnnxModel said = model.withDimension(axis, 3);
        Prompt prompt = Prompt.ofTensors("a", Map.of(name, InputTensor.of(new float[] {1, -2, 3}, 3)));
        assertThat(HandGraph.values(said, "y", prompt)).containsExactly(1, 0, 3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "12", "2*n", "@4", "?5", "?"})
    void symbolsThatLookLikeNumbers(String symbol) {
        OnnxModel model = HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "?")
                .node("Relu", "x", "y")
                .open(folder);
        ModelProto.Builder changed = OnnxFile.read(folder.resolve("model.onnx")).model().toBuilder();
        changed.getGraphBuilder()
                .getInputBuilder(0)
                .getTypeBuilder()
                .getTensorTypeBuilder()
                .getShapeBuilder()
                .getDimBuilder(1)
                .setDimParam(symbol);
        OnnxModel other = OnnxModel.open(
                HandGraph.write(folder.resolve("other.onnx"), changed.build().toByteArray()));
        assertThat(HandGraph.tensor(other, "y").shape()).hasValue(List.of("batch", "x.1"));
        assertThat(HandGraph.tensor(model, "y").shape()).hasValue(List.of("batch", "x.1"));
    }

    /** A name that is made up is no other axis's. */
    @Test
    void madeUpNamesAreNobodysElse() {
        OnnxModel model = HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "")
                .input("w", DataType.FLOAT, "batch", "x.1")
                .node("Relu", "x", "y")
                .node("Relu", "w", "v")
                .open(folder)
                .withDimension("x.1", 3)
                .withDimension("input.x.1", 5);
        assertThat(HandGraph.tensor(model, "y").shape()).hasValue(List.of("batch", "5"));
        assertThat(HandGraph.tensor(model, "v").shape()).hasValue(List.of("batch", "3"));
    }

    // ---- libraries ----

    @Test
    void aLibraryOfOperatorsThatIsNone() throws IOException {
        Path model = folder.resolve("model.onnx");
        OnnxModel opened = HandGraph.text(17, false).open(folder);
        Path missing = folder.resolve("libnone.so");
        for (ThrowingUse use : List.<ThrowingUse>of(
                options -> OnnxModel.open(model, OnnxOpening.usual().run(options)),
                options -> Probe.builder(opened.withRuntime(options))
                        .sites("hidden")
                        .build())) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> use.with(RuntimeOptions.cpu().withOperators(missing)))
                    .withMessageContaining(missing + ": no such file; expected is a shared library of operators");
            Path text = Files.writeString(folder.resolve("text.so"), "no library");
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> use.with(RuntimeOptions.cpu().withOperators(text)))
                    .withMessageContaining(text + ": is no library of operators that ONNX Runtime can use");
        }
    }

    private interface ThrowingUse {
        void with(RuntimeOptions options);
    }
}
