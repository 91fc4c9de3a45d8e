package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.HandGraph.graph;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.runtime.Export.Exported;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Graphs with other outputs, written to files that others can load. */
class OnnxExportTest {

    private static final int WIDTH = 512;

    @TempDir
    Path folder;

    private Path models;
    private Path elsewhere;

    @BeforeEach
    void folders() throws IOException {
        models = Files.createDirectory(folder.resolve("models"));
        elsewhere = folder.resolve("elsewhere");
    }

    private static float[] counting(float from) {
        float[] values = new float[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            values[i] = from + i;
        }
        return values;
    }

    private static HandGraph inline() {
        return HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "1")
                .bytes("w", DataType.FLOAT, HandGraph.littleEndian(counting(0)), WIDTH)
                .bytes("unused", DataType.FLOAT, HandGraph.littleEndian(counting(0)), WIDTH)
                .node("Add", "x w", "y")
                .node("Neg", "y", "z")
                .node("Mul", "y unused", "far")
                .output("far");
    }

    private OnnxModel external() {
        byte[] data = new byte[100 + 8 * WIDTH];
        System.arraycopy(HandGraph.littleEndian(counting(0)), 0, data, 100, 4 * WIDTH);
        System.arraycopy(HandGraph.littleEndian(counting(1000)), 0, data, 100 + 4 * WIDTH, 4 * WIDTH);
        HandGraph.write(models.resolve("weights"), data);
        HandGraph branch = HandGraph.body()
                .external("inner", Map.of("location", "weights", "offset", "2148"), WIDTH)
                .node("Add", "y inner", "sum")
                .output("sum", DataType.FLOAT, "batch", "512");
        return HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "1")
                .external("w", Map.of("location", "weights", "offset", "100"), WIDTH)
                .floats("zero", new float[] {0})
                .node("Add", "x w", "y")
                .node("ReduceSum", "x", "total", OnnxProtos.attribute("keepdims", 0L))
                .node("Greater", "total zero", "positive")
                .node("If", "positive", "z", graph("then_branch", branch), graph("else_branch", branch))
                .open(models);
    }

    private static Prompt x(float value) {
        return Prompt.ofTensors("p", Map.of("x", InputTensor.of(new float[] {value}, 1)));
    }

    private static float[] runtime(Path file, String output) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession session = environment.createSession(file.toString());
                OnnxTensor x =
                        OnnxTensor.createTensor(environment, FloatBuffer.wrap(new float[] {0.5f}), new long[] {1, 1});
                OrtSession.Result result = session.run(Map.of("x", x))) {
            FloatBuffer values = ((OnnxTensor) result.get(output).orElseThrow()).getFloatBuffer();
            float[] array = new float[values.remaining()];
            values.get(array);
            return array;
        }
    }

    private static List<String> names(Exported exported) {
        return exported.sites().stream().map(Site::name).toList();
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    private static Map<String, String> entries(Path file, String tensor) {
        TensorProto found = OnnxFile.read(file).graph().getInitializerList().stream()
                .filter(initializer -> initializer.getName().equals(tensor))
                .findFirst()
                .orElseThrow();
        return found.getExternalDataList().stream()
                .collect(Collectors.toMap(StringStringEntryProto::getKey, StringStringEntryProto::getValue));
    }

    @Test
    void inTheSameFolderNothingIsCopied() throws IOException, OrtException {
        OnnxModel model = inline().open(models);
        Path saved = models.resolve("saved.onnx");
        assertThat(names(model.export().to(saved))).containsExactly("y", "z", "far");
        assertThat(names(models)).containsExactly("model.onnx", "saved.onnx");
        assertThat(Files.size(saved)).isLessThan(1000);
        assertThat(entries(saved, "w")).containsEntry("location", "model.onnx");
        assertThat(runtime(saved, "y")[511]).isEqualTo(511.5f);
        assertThat(HandGraph.values(OnnxModel.open(saved), "z", x(0.5f))[511]).isEqualTo(-511.5f);
    }

    @Test
    void inAFolderAboveNothingIsCopiedEither() throws IOException, OrtException {
        OnnxModel model = inline().open(models);
        Path saved = folder.resolve("saved.onnx");
        model.export().to(saved);
        assertThat(names(folder)).containsExactly("models", "saved.onnx");
        assertThat(runtime(saved, "y")[511]).isEqualTo(511.5f);
    }

    @Test
    void elsewhereTheWeightsAreCopied() throws IOException, OrtException {
        OnnxModel model = inline().open(models);
        Path saved = elsewhere.resolve("saved.onnx");
        model.export().to(saved);
        assertThat(names(elsewhere)).containsExactly("saved.onnx", "saved.onnx.data");
        Files.delete(models.resolve("model.onnx"));
        assertThat(runtime(saved, "far")[3]).isEqualTo(3.5f * 3);
        assertThat(HandGraph.values(OnnxModel.open(saved), "z", x(0.5f))[511]).isEqualTo(-511.5f);
    }

    @Test
    void onlyWhatIsChosenAndNeededIsWritten() throws IOException, OrtException {
        OnnxModel model = inline().open(models);
        Path saved = elsewhere.resolve("saved.onnx");
        assertThat(names(model.export().sites(Sites.glob("y")).to(saved))).containsExactly("y");
        OnnxFile read = OnnxFile.read(saved);
        assertThat(read.graph().getNodeList())
                .singleElement()
                .satisfies(node -> assertThat(node.getOpType()).isEqualTo("Add"));
        assertThat(read.graph().getInitializerList()).hasSize(1);
        assertThat(read.graph().getOutputList()).hasSize(1);
        assertThat(Files.size(elsewhere.resolve("saved.onnx.data"))).isEqualTo(4 * WIDTH);
        assertThat(runtime(saved, "y")[511]).isEqualTo(511.5f);
    }

    @Test
    void aModelWithoutLargeWeightsHasNoSecondFile() throws IOException {
        OnnxModel model = HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "4")
                .node("Relu", "x", "y")
                .open(models);
        model.export().to(elsewhere.resolve("saved.onnx"));
        assertThat(names(elsewhere)).containsExactly("saved.onnx");
    }

    @Test
    void itsOwnFilesAreNotOverwritten() throws IOException {
        OnnxModel model = external();
        byte[] before = Files.readAllBytes(models.resolve("model.onnx"));
        Path own = models.resolve("model.onnx");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> model.export().to(own))
                .withMessageContaining("read from")
                .withMessageContaining(own.toString());
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> model.export().to(models.resolve("weights")))
                .withMessageContaining("ends in .onnx");
        assertThat(Files.readAllBytes(models.resolve("model.onnx"))).isEqualTo(before);
        // Its data would be written over what the model reads.
        Files.move(models.resolve("model.onnx"), models.resolve("a.onnx.data"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() ->
                        OnnxModel.open(models.resolve("a.onnx.data")).export().to(models.resolve("a.onnx")))
                .withMessageContaining("read from");
    }

    @Test
    void externalWeightsAreReferredTo() throws IOException, OrtException {
        OnnxModel model = external();
        Path saved = models.resolve("saved.onnx");
        model.export().to(saved);
        assertThat(names(models)).containsExactly("model.onnx", "saved.onnx", "weights");
        assertThat(entries(saved, "w")).containsEntry("location", "weights").containsEntry("offset", "100");
        assertThat(runtime(saved, "z")[511]).isEqualTo(511.5f + 1511);
    }

    @Test
    void externalWeightsAreCopiedOnceThoseInBodiesToo() throws IOException, OrtException {
        OnnxModel model = external();
        Path saved = elsewhere.resolve("saved.onnx");
        model.export().sites(Sites.glob("z")).to(saved);
        assertThat(Files.size(elsewhere.resolve("saved.onnx.data"))).isEqualTo(8 * WIDTH);
        Files.delete(models.resolve("weights"));
        assertThat(runtime(saved, "z")[511]).isEqualTo(511.5f + 1511);
        assertThat(HandGraph.values(OnnxModel.open(saved), "z", x(0.5f))[0]).isEqualTo(1000.5f);
    }

    @Test
    void weightsOfSeveralFoldersAreNamedFromTheFolderAboveThem() throws IOException, OrtException {
        Path deep = Files.createDirectories(models.resolve("a/b"));
        Path other = Files.createDirectories(models.resolve("c"));
        HandGraph.write(deep.resolve("one"), HandGraph.littleEndian(counting(0)));
        HandGraph.write(other.resolve("two"), HandGraph.littleEndian(counting(1000)));
        OnnxModel model = HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "1")
                .external("one", Map.of("location", "a/b/one"), WIDTH)
                .external("two", Map.of("location", "c/two"), WIDTH)
                .node("Add", "x one", "y")
                .node("Add", "y two", "z")
                .open(models);
        assertThat(HandGraph.values(model, "z", x(0.5f))[1]).isEqualTo(1002.5f);
        Path saved = models.resolve("saved.onnx");
        model.export().to(saved);
        assertThat(runtime(saved, "z")[1]).isEqualTo(1002.5f);
        Path away = elsewhere.resolve("saved.onnx");
        model.export().sites(Sites.glob("y")).to(away);
        assertThat(runtime(away, "y")).isEqualTo(plusHalf(counting(0)));
    }

    private static float[] plusHalf(float[] values) {
        float[] more = Arrays.copyOf(values, values.length);
        for (int i = 0; i < more.length; i++) {
            more[i] += 0.5f;
        }
        return more;
    }

    @Test
    void aCaptureDoesNotReplaceAModel() throws IOException {
        OnnxModel model = HandGraph.text(17, false).open(folder);
        Path file = folder.resolve("model.onnx");
        byte[] before = Files.readAllBytes(file);
        Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 1, 2)));
        try (Probe probe = Probe.builder(model).sites("hidden").build()) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> probe.capture(prompts, file))
                    .withMessageContaining(file.toString())
                    .withMessageContaining("is no capture");
            Activations activations = probe.capture(prompts);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> activations.save(file))
                    .withMessageContaining("is no capture");
            Path capture = folder.resolve("acts.safetensors");
            activations.save(capture);
            activations.save(capture);
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    @Test
    void aModelThatWasReplacedIsNotReadByItsOldPlaces() throws IOException {
        OnnxModel model =
                HandGraph.text(17, false).floats("large", new float[2000], 2000).open(folder);
        Path file = folder.resolve("model.onnx");
        byte[] other = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(other, other.length + 8));
        for (ThrowingCallable use : List.<ThrowingCallable>of(
                () -> Probe.builder(model).sites("hidden").build(),
                () -> model.export().to(folder.resolve("saved.onnx")))) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(use)
                    .withMessageContaining(file.toRealPath().toString())
                    .withMessageContaining("changed since the model");
        }
    }

    @Test
    void lengthsThatWereGivenAreInTheSavedFile() {
        OnnxModel model = HandGraph.text(17, false).open(folder).withDimension("sequence", 4);
        Path saved = folder.resolve("saved.onnx");
        model.export().sites(Sites.glob("hidden")).to(saved);
        assertThat(OnnxModel.open(saved).tensors())
                .extracting(tensor -> tensor.shape().orElseThrow())
                .contains(List.of("batch", "4"), List.of("batch", "4", "4"));
    }

    /** A capture goes on only with what it began with. */
    @Test
    void provenanceTellsWhatWasSaid() {
        OnnxModel model = HandGraph.text(17, false).open(folder);
        assertThat(List.of(
                        model.provenance(),
                        model.dequantized().provenance(),
                        model.withDimension("sequence", 4).provenance(),
                        model.withDimension("sequence", 4).withPositions("4").provenance(),
                        model.withInput("attention_mask", InputRole.TOKEN_TYPES).provenance()))
                .doesNotHaveDuplicates();
        assertThat(model.withTokenizer(folder).provenance()).isEqualTo(model.provenance());
    }

    /** A tensor larger than any array of Java's, in a file with holes. It is neither loaded nor copied. */
    @Test
    void weightsOfMoreThanTwoGigabytesStayWhereTheyAre() throws IOException {
        int rows = 560_000_000;
        long bytes = (long) rows * Float.BYTES;
        Path weights = folder.resolve("weights");
        try (FileChannel channel = FileChannel.open(
                weights, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            channel.write(ByteBuffer.wrap(HandGraph.littleEndian(1.5f)), 0);
            channel.write(ByteBuffer.wrap(HandGraph.littleEndian(-2.5f)), bytes - Float.BYTES);
        }
        OnnxModel model = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .input("attention_mask", DataType.INT64, "batch", "sequence")
                .external("table", Map.of("location", "weights", "length", Long.toString(bytes)), rows, 1)
                .node("Gather", "table input_ids", "hidden")
                .node("Neg", "hidden", "negative")
                .open(folder);
        assertThat(model.vocabularySize()).hasValue(rows);
        Prompt prompt = Prompt.ofTokens("ends", 0, rows - 1, 7);
        assertThat(HandGraph.values(model, "hidden", prompt)).containsExactly(1.5f, -2.5f, 0);
        Path saved = folder.resolve("saved.onnx");
        model.export().sites(Sites.glob("negative")).to(saved);
        assertThat(Files.size(saved)).isLessThan(1000);
        assertThat(HandGraph.values(OnnxModel.open(saved), "negative", prompt)).containsExactly(-1.5f, 2.5f, -0f);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.filter(Files::isRegularFile)).hasSize(3);
        }
    }
}
