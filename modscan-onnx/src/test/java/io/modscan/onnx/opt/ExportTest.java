package io.modscan.onnx.opt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.Runs;
import io.modscan.onnx.foreign.Runs.Padding;
import io.modscan.onnx.runtime.Export;
import io.modscan.onnx.runtime.Export.Exported;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExportTest {

    private static final int[] ROW = {2, 5, 9, 11, 30};
    private static final TokenBatch BATCH = Runs.batch(Padding.LEFT, 7, ROW, new int[] {8, 2, 3});

    @TempDir
    private Path folder;

    private Path checkpoint() {
        return folder.resolve("tiny");
    }

    private OptModel model() {
        return new TinyOpt().load(checkpoint());
    }

    private static ModelProto parse(Path file) throws IOException {
        return ModelProto.parseFrom(Files.readAllBytes(file));
    }

    /** What the file gives, opened by ONNX Runtime without any help of modscan's. */
    private static Map<String, float[]> run(Path file, TokenBatch batch) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        long[] shape = {batch.rows(), batch.columns()};
        Map<String, float[]> values = new LinkedHashMap<>();
        try (OrtSession session = environment.createSession(file.toString());
                OnnxTensor ids = OnnxTensor.createTensor(environment, batch.inputIds(), shape);
                OnnxTensor mask = OnnxTensor.createTensor(environment, batch.attentionMask(), shape);
                OrtSession.Result result = session.run(Map.of("input_ids", ids, "attention_mask", mask))) {
            for (Map.Entry<String, OnnxValue> entry : result) {
                FloatBuffer buffer = ((OnnxTensor) entry.getValue()).getFloatBuffer();
                values.put(entry.getKey(), Runs.array(buffer));
            }
        }
        return values;
    }

    private static List<String> outputs(GraphProto graph) {
        return graph.getOutputList().stream().map(ValueInfoProto::getName).toList();
    }

    private static Map<String, String> externalData(TensorProto tensor) {
        Map<String, String> entries = new LinkedHashMap<>();
        tensor.getExternalDataList().forEach(entry -> entries.put(entry.getKey(), entry.getValue()));
        return entries;
    }

    private static List<TensorProto> weights(GraphProto graph) {
        return graph.getInitializerList().stream()
                .filter(tensor -> tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL)
                .toList();
    }

    private List<String> filesIn(Path of) throws IOException {
        try (Stream<Path> files = Files.list(of)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    // ---- beside the checkpoint ----

    @Test
    void besideTheCheckpointItRefersToTheCheckpointsOwnFile() throws IOException {
        OptModel model = model();
        Exported exported = model.export().to(checkpoint().resolve("model.onnx"));
        assertThat(exported.data()).isEmpty();
        assertThat(exported.model()).isEqualTo(checkpoint().toRealPath().resolve("model.onnx"));
        assertThat(filesIn(checkpoint())).containsExactly("config.json", "model.onnx", "model.safetensors");
        assertThat(Files.size(exported.model())).isLessThan(200_000);
        List<TensorProto> weights = weights(parse(exported.model()).getGraph());
        assertThat(weights).hasSize(2 + 2 * 16 + 2);
        for (TensorProto weight : weights) {
            assertThat(externalData(weight)).containsEntry("location", "model.safetensors");
            assertThat(weight.getRawData().isEmpty()).isTrue();
            assertThat(weight.getFloatDataCount()).isZero();
        }
    }

    @Test
    void besideTheCheckpointItOpensInPlainOnnxRuntime() throws OrtException {
        OptModel model = model();
        Exported exported = model.export().to(checkpoint().resolve("model.onnx"));
        Map<String, float[]> expected = Runs.run(model, Runs.plan(model, Pooling.none(), Sites.all()), BATCH);
        assertSame(run(exported.model(), BATCH), expected);
    }

    @Test
    void aboveTheCheckpointItRefersDownToIt() throws Exception {
        OptModel model = model();
        Exported exported = model.export().sites(Sites.logits()).to(folder.resolve("above.onnx"));
        assertThat(exported.data()).isEmpty();
        assertThat(weights(parse(exported.model()).getGraph()))
                .allSatisfy(
                        weight -> assertThat(externalData(weight)).containsEntry("location", "tiny/model.safetensors"));
        assertThat(run(exported.model(), BATCH)).containsOnlyKeys("logits");
    }

    @Test
    void aFolderMayBeALink() throws Exception {
        OptModel model = model();
        Path link = Files.createSymbolicLink(folder.resolve("link"), checkpoint());
        Exported exported = model.export().sites(Sites.logits()).to(link.resolve("model.onnx"));
        assertThat(exported.data()).isEmpty();
        assertThat(run(exported.model(), BATCH)).containsOnlyKeys("logits");
    }

    // ---- elsewhere ----

    @Test
    void elsewhereTheWeightsComeAlongAndBothFilesCanBeMoved() throws Exception {
        OptModel model = model();
        Exported exported =
                model.export().to(folder.resolve("new").resolve("there").resolve("opt.onnx"));
        Path data = exported.data().orElseThrow();
        assertThat(data).hasFileName("opt.onnx.data");
        assertThat(filesIn(folder.resolve("new").resolve("there"))).containsExactly("opt.onnx", "opt.onnx.data");

        Map<String, float[]> expected = Runs.run(model, Runs.plan(model, Pooling.none(), Sites.all()), BATCH);
        Path moved = Files.createDirectories(folder.resolve("moved"));
        Files.move(exported.model(), moved.resolve("opt.onnx"));
        Files.move(data, moved.resolve("opt.onnx.data"));
        Files.delete(checkpoint().resolve("model.safetensors"));
        assertSame(run(moved.resolve("opt.onnx"), BATCH), expected);
    }

    @Test
    void copiedWeightsAreAlignedAndKeepTheirType() throws Exception {
        OptModel model = new TinyOpt().stored(DType.F16).load(checkpoint());
        Exported exported = model.export().to(folder.resolve("other").resolve("opt.onnx"));
        for (TensorProto weight : weights(parse(exported.model()).getGraph())) {
            Map<String, String> entries = externalData(weight);
            assertThat(entries).containsEntry("location", "opt.onnx.data");
            assertThat(Long.parseLong(entries.getOrDefault("offset", "-1")) % 64)
                    .as(weight.getName())
                    .isZero();
            assertThat(weight.getDataType()).isEqualTo(TensorProto.DataType.FLOAT16.getNumber());
        }
        assertThat(run(exported.model(), BATCH)).containsKey("logits");
    }

    @Test
    void selfContainedCopiesTheWeightsEvenBesideTheCheckpoint() throws Exception {
        OptModel model = model();
        Exported exported = model.export()
                .selfContained()
                .sites(Sites.logits())
                .to(checkpoint().resolve("model.onnx"));
        assertThat(exported.data()).contains(checkpoint().toRealPath().resolve("model.onnx.data"));
        Files.delete(checkpoint().resolve("model.safetensors"));
        assertThat(run(exported.model(), BATCH)).containsOnlyKeys("logits");
    }

    @Test
    void copiedWeightsAreOnlyThoseThatTheSitesNeed() throws IOException {
        OptModel model = model();
        Path all = model.export()
                .to(folder.resolve("all").resolve("opt.onnx"))
                .data()
                .orElseThrow();
        Path few = model.export()
                .sites(Sites.z().inLayers(0))
                .to(folder.resolve("few").resolve("opt.onnx"))
                .data()
                .orElseThrow();
        assertThat(Files.size(few)).isLessThan(Files.size(all) / 2);
    }

    // ---- which outputs ----

    @Test
    void aFullExportHasEverySiteButThoseOnDemand() throws IOException {
        OptModel model = model();
        Exported exported = model.export().to(checkpoint().resolve("model.onnx"));
        List<String> expected = model.sites().stream()
                .filter(site -> !site.onDemand())
                .map(Site::name)
                .toList();
        assertThat(outputs(parse(exported.model()).getGraph())).isEqualTo(expected);
        assertThat(exported.sites()).extracting(Site::name).isEqualTo(expected);
    }

    @Test
    void chosenSitesAreTheOnlyOutputs() throws IOException {
        Exported exported = model().export()
                .sites(Sites.glob("blocks.*.attn.hook_z"), Sites.mlpPost().inLayers(1))
                .to(checkpoint().resolve("model.onnx"));
        GraphProto graph = parse(exported.model()).getGraph();
        assertThat(outputs(graph))
                .containsExactly("blocks.0.attn.hook_z", "blocks.1.attn.hook_z", "blocks.1.mlp.hook_post");
        assertThat(graph.getNodeList()).extracting(NodeProto::getName).doesNotContain("logits");
    }

    @Test
    void theHeadsResultsAreThereWhereNamed() throws Exception {
        Exported exported =
                model().export().sites(Sites.result()).to(checkpoint().resolve("model.onnx"));
        assertThat(run(exported.model(), BATCH))
                .containsOnlyKeys("blocks.0.attn.hook_result", "blocks.1.attn.hook_result");
    }

    @Test
    void magnitudesCanBeExportedToo() throws Exception {
        Exported exported =
                model().export().sites(Sites.z().magnitude()).to(checkpoint().resolve("model.onnx"));
        assertThat(run(exported.model(), BATCH))
                .containsOnlyKeys("blocks.0.attn.hook_z.magnitude", "blocks.1.attn.hook_z.magnitude");
    }

    @Test
    void aGlobThatMatchesNothingListsNearNames() {
        Export export = model().export().sites(Sites.glob("blocks.0.attn.hook_zz"));
        assertThatThrownBy(() -> export.to(checkpoint().resolve("model.onnx")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll("blocks.0.attn.hook_zz", "near", "blocks.0.attn.hook_z");
        assertThat(checkpoint().resolve("model.onnx")).doesNotExist();
    }

    @Test
    void anExportIsWhatAProbeCaptures() throws OrtException {
        OptModel model = model();
        Exported exported = model.export().to(checkpoint().resolve("model.onnx"));
        Map<String, float[]> outputs = run(exported.model(), Runs.batch(Padding.RIGHT, ROW.length, ROW));
        try (Probe probe = Probe.builder(model).build()) {
            Activations captured = probe.capture(Prompts.of(List.of(Prompt.ofTokens("row", ROW))));
            assertThat(captured.sites()).hasSameSizeAs(outputs.keySet());
            captured.sites()
                    .forEach(site -> assertClose(
                            site.site().name(), Runs.get(outputs, site.site().name()), copy(site.row(0))));
        }
    }

    private static float[] copy(FloatBuffer row) {
        float[] values = new float[row.remaining()];
        row.get(values);
        return values;
    }

    private static void assertSame(Map<String, float[]> actual, Map<String, float[]> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((site, values) -> assertClose(site, Runs.get(actual, site), values));
    }

    /** To 1e-6 of the tensor's largest value; masked scores and NaN exactly. */
    private static void assertClose(String what, float[] actual, float[] expected) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = 0;
        for (float value : expected) {
            largest = Float.isNaN(value) || value <= -Float.MAX_VALUE ? largest : Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            if (Float.compare(actual[i], expected[i]) != 0) {
                assertThat((double) actual[i])
                        .as("%s, value %d", what, i)
                        .isCloseTo(expected[i], within(1e-6 * largest));
            }
        }
    }

    // ---- the file itself ----

    @Test
    void metadataSayWhichModelAndVersionMadeIt() throws IOException {
        OptModel model = model();
        ModelProto exported =
                parse(model.export().to(checkpoint().resolve("model.onnx")).model());
        assertThat(exported.getIrVersion()).isEqualTo(8);
        assertThat(exported.getOpsetImportList()).hasSize(1);
        assertThat(exported.getOpsetImport(0).getVersion()).isEqualTo(17);
        assertThat(exported.getProducerName()).isEqualTo("modscan");
        assertThat(exported.getProducerVersion()).isNotEmpty();
        Map<String, String> metadata = new LinkedHashMap<>();
        for (StringStringEntryProto entry : exported.getMetadataPropsList()) {
            assertThat(metadata.put(entry.getKey(), entry.getValue()))
                    .as(entry.getKey())
                    .isNull();
        }
        assertThat(metadata)
                .containsAllEntriesOf(model.provenance())
                .containsEntry("model.config", Files.readString(checkpoint().resolve("config.json")))
                .containsKey("modscan.version");
    }

    @Test
    void metadataComeInOneOrder() throws IOException {
        assertThat(parse(model().export().to(checkpoint().resolve("model.onnx")).model())
                        .getMetadataPropsList())
                .extracting(StringStringEntryProto::getKey)
                .containsExactly(
                        "model.type",
                        "model.name",
                        "model.weights",
                        "model.fingerprint",
                        "model.config",
                        "modscan.weights",
                        "modscan.version",
                        "modscan.graph");
    }

    @Test
    void inputsAreInt64WithSymbolicAxes() throws IOException {
        GraphProto graph = parse(
                        model().export().to(checkpoint().resolve("model.onnx")).model())
                .getGraph();
        assertThat(graph.getInputList())
                .extracting(ValueInfoProto::getName)
                .containsExactly("input_ids", "attention_mask");
        for (ValueInfoProto input : graph.getInputList()) {
            assertThat(input.getType().getTensorType().getElemType()).isEqualTo(TensorProto.DataType.INT64.getNumber());
            assertThat(dimensions(input)).containsExactly("batch", "sequence");
        }
    }

    @Test
    void outputsAreFloatWithTheSitesAxes() throws IOException {
        OptModel model = model();
        GraphProto graph = parse(
                        model.export().to(checkpoint().resolve("model.onnx")).model())
                .getGraph();
        for (ValueInfoProto output : graph.getOutputList()) {
            assertThat(output.getType().getTensorType().getElemType())
                    .isEqualTo(TensorProto.DataType.FLOAT.getNumber());
            List<String> expected = new ArrayList<>(List.of("batch"));
            for (Axis axis : Runs.site(model, output.getName()).axes()) {
                expected.add(axis.size() > 0 ? Integer.toString(axis.size()) : "sequence");
            }
            assertThat(dimensions(output)).as(output.getName()).isEqualTo(expected);
        }
    }

    private static List<String> dimensions(ValueInfoProto value) {
        return value.getType().getTensorType().getShape().getDimList().stream()
                .map(dimension -> dimension.getValueCase() == TensorShapeProto.Dimension.ValueCase.DIM_PARAM
                        ? dimension.getDimParam()
                        : Long.toString(dimension.getDimValue()))
                .toList();
    }

    @Test
    void noTwoTensorsShareAName() throws IOException {
        GraphProto graph = parse(new TinyOpt()
                        .stored(DType.F16)
                        .load(checkpoint())
                        .export()
                        .sites(Sites.all(), Sites.result())
                        .to(checkpoint().resolve("model.onnx"))
                        .model())
                .getGraph();
        List<String> names = new ArrayList<>();
        graph.getInputList().forEach(input -> names.add(input.getName()));
        graph.getInitializerList().forEach(tensor -> names.add(tensor.getName()));
        graph.getNodeList().forEach(node -> names.addAll(node.getOutputList()));
        assertThat(names).doesNotHaveDuplicates().doesNotContain("");
        assertThat(graph.getNodeList()).extracting(NodeProto::getName).doesNotHaveDuplicates();
    }

    @Test
    void nodesComeInAnOrderInWhichTheyCanBeComputed() throws IOException {
        GraphProto graph = parse(
                        model().export().to(checkpoint().resolve("model.onnx")).model())
                .getGraph();
        List<String> known = new ArrayList<>();
        graph.getInputList().forEach(input -> known.add(input.getName()));
        graph.getInitializerList().forEach(tensor -> known.add(tensor.getName()));
        for (NodeProto node : graph.getNodeList()) {
            assertThat(known).containsAll(node.getInputList());
            known.addAll(node.getOutputList());
        }
        assertThat(known).containsAll(outputs(graph));
    }

    @ParameterizedTest
    @EnumSource(OptSourceTest.Kind.class)
    void everyKindOfCheckpointOpensInPlainOnnxRuntime(OptSourceTest.Kind kind) throws OrtException {
        OptModel model = kind.load(checkpoint());
        Exported exported = model.export()
                .sites(Sites.all(), Sites.result(), Sites.glob("log_probs"))
                .to(checkpoint().resolve("model.onnx"));
        assertThat(run(exported.model(), BATCH)).hasSize(model.sites().size());
    }

    // ---- what goes wrong ----

    @ParameterizedTest
    @ValueSource(strings = {"model.pb", "model", "model.onnx.data", "model.ONNX "})
    void anotherEndingIsRefused(String name) {
        Export export = model().export();
        assertThatThrownBy(() -> export.to(checkpoint().resolve(name)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll(name, ".onnx");
        assertThat(checkpoint().resolve(name)).doesNotExist();
    }

    @Test
    void anExistingFileIsReplaced() throws Exception {
        OptModel model = model();
        Path file = checkpoint().resolve("model.onnx");
        model.export().sites(Sites.z()).to(file);
        model.export().sites(Sites.logits()).to(file);
        assertThat(run(file, BATCH)).containsOnlyKeys("logits");
    }

    @Test
    void aFailedExportLeavesTheOldFilesAndNothingElse() throws Exception {
        OptModel model = model();
        Path elsewhere = folder.resolve("elsewhere");
        Path file = model.export()
                .sites(Sites.z())
                .to(elsewhere.resolve("opt.onnx"))
                .model();
        Map<String, float[]> before = run(file, BATCH);

        Files.delete(checkpoint().resolve("model.safetensors"));
        assertThatThrownBy(() -> model.export().to(file))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("model.safetensors");

        assertThat(filesIn(elsewhere)).containsExactly("opt.onnx", "opt.onnx.data");
        assertSame(run(file, BATCH), before);
    }

    @Test
    void aFolderInTheFilesPlaceIsLeftAsItIs() throws IOException {
        OptModel model = model();
        Path elsewhere = folder.resolve("elsewhere");
        Path inside = Files.createDirectories(elsewhere.resolve("opt.onnx")).resolve("mine");
        Files.writeString(inside, "mine");
        assertThatThrownBy(() -> model.export().to(elsewhere.resolve("opt.onnx")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll("opt.onnx", "is a folder");
        assertThat(filesIn(elsewhere)).containsExactly("opt.onnx");
        assertThat(inside).hasContent("mine");
    }

    @Test
    void aFileInThePlaceOfTheFolderIsNamed() throws IOException {
        Export export = model().export();
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> export.to(file.resolve("opt.onnx")))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining(file.resolve("opt.onnx").toString());
    }
}
