package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.HandGraph.graph;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.SparseTensorProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.UnknownFieldSet;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.onnx.internal.graph.OnnxProtos;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that are truncated, inconsistent or hostile, and such as are merely unusual. */
class OnnxHostileTest {

    private static final Prompt PROMPT = Prompt.ofTokens("p", 3, 5, 1);

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("model.onnx");
    }

    private static HandGraph simple() {
        return HandGraph.opset(17).input("x", DataType.FLOAT, "batch", "4").node("Relu", "x", "y");
    }

    private <X extends Exception> void refused(Class<X> type, HandGraph graph, String... says) {
        graph.write(file);
        refused(type, says);
    }

    private <X extends Exception> void refused(Class<X> type, String... says) {
        assertThatExceptionOfType(type).isThrownBy(() -> OnnxModel.open(file)).satisfies(e -> {
            assertThat(e.getMessage()).contains(file.toString());
            List.of(says).forEach(word -> assertThat(e.getMessage()).contains(word));
        });
    }

    @Test
    void aTruncatedFileIsRefusedWhereverItEnds() {
        byte[] whole = HandGraph.text(17, false)
                .floats("weights", new float[1024], 1024)
                .node("Add", "weights table", "unused")
                .model()
                .setProducerName("somebody")
                .build()
                .toByteArray();
        for (int length = 0; length < whole.length; length += length < 300 ? 1 : 37) {
            HandGraph.write(file, Arrays.copyOf(whole, length));
            // Bytes that end between two fields are a model of fewer fields; it may even be one that can be read.
            ModscanException refused = catchThrowableOfType(ModscanException.class, () -> OnnxModel.open(file));
            if (refused != null) {
                assertThat(refused).as("%d bytes", length).hasMessageContaining(file.toString());
            } else {
                assertThat(length).isGreaterThan(whole.length - 30);
            }
        }
    }

    @Test
    void randomBytesAreNoModel() {
        Random random = new Random(1);
        for (int i = 0; i < 300; i++) {
            byte[] bytes = new byte[random.nextInt(200)];
            random.nextBytes(bytes);
            HandGraph.write(file, bytes);
            refused(ModscanException.class);
        }
    }

    @Test
    void changedBytesAreRefusedOrHarmless() {
        byte[] whole = HandGraph.text(17, false).model().build().toByteArray();
        Random random = new Random(2);
        for (int i = 0; i < 150; i++) {
            byte[] bytes = whole.clone();
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            HandGraph.write(file, bytes);
            try {
                assertThat(OnnxModel.open(file).tensors()).isNotEmpty();
            } catch (ModscanException e) {
                assertThat(e).hasMessageContaining(file.toString());
            }
        }
    }

    @Test
    void whatIsNoModelSaysSo() throws IOException {
        refused(ModscanException.class, "no such file");
        HandGraph.write(file, new byte[0]);
        refused(MalformedFileException.class, "no ONNX model");
        Files.writeString(file, "{\"model_type\": \"opt\"}\n");
        refused(MalformedFileException.class, "no ONNX model");
        Files.delete(file);
        Files.createDirectory(file);
        refused(ModscanException.class, "is a folder");
    }

    @Test
    void aPointerOfGitLfsIsCalledOne() throws IOException {
        String pointer =
                "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64) + "\nsize 470641600\n";
        Files.writeString(file, pointer);
        refused(MalformedFileException.class, "Git LFS", "git lfs pull");
        Files.writeString(folder.resolve("data"), pointer);
        withWeight("location", "data", "offset", "4096").write(file);
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> OnnxModel.open(file))
                .withMessageContainingAll(folder.resolve("data").toString(), "Git LFS", "git lfs pull");
        // One so short that the weight would fit into it.
        withWeight("location", "data").write(file);
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> OnnxModel.open(file))
                .withMessageContainingAll(folder.resolve("data").toString(), "Git LFS");
    }

    @Test
    void aModelNeedsAGraphAndAnOpset() {
        HandGraph.write(file, ModelProto.newBuilder().setIrVersion(8).build().toByteArray());
        refused(MalformedFileException.class, "graph");
        refused(
                MalformedFileException.class,
                HandGraph.body().input("x", DataType.FLOAT).node("Relu", "x", "y"),
                "opset");
    }

    @Test
    void aCircleIsNamed() {
        refused(
                MalformedFileException.class,
                simple().node("Add", "y b", "a").node("Relu", "a", "b"),
                "in a circle",
                "'node of a' (Add)");
        refused(MalformedFileException.class, simple().node("Add", "y a", "a"), "in a circle");
    }

    @Test
    void aCircleThroughABodyIsNamed() {
        HandGraph body = HandGraph.body().node("Relu", "b", "inner").output("inner");
        refused(
                MalformedFileException.class,
                simple().bytes("cond", DataType.BOOL, new byte[] {1})
                        .node("If", "cond", "a", graph("then_branch", body), graph("else_branch", body))
                        .node("Relu", "a", "b"),
                "in a circle",
                "(If)");
    }

    @Test
    void aCircleWithinABodyIsRefused() {
        HandGraph body =
                HandGraph.body().node("Relu", "q", "p").node("Relu", "p", "q").output("q");
        refused(
                ModscanException.class,
                simple().bytes("cond", DataType.BOOL, new byte[] {1})
                        .node("If", "cond", "a", graph("then_branch", body), graph("else_branch", body)));
    }

    @Test
    void whatIsNowhereIsNamed() {
        refused(MalformedFileException.class, simple().node("Add", "y weight", "z"), "'weight'", "'node of z' (Add)");
        HandGraph body = HandGraph.body().node("Add", "y weight", "inner").output("inner");
        refused(
                MalformedFileException.class,
                simple().bytes("cond", DataType.BOOL, new byte[] {1})
                        .node("If", "cond", "a", graph("then_branch", body), graph("else_branch", body)),
                "'weight'",
                "(If)");
        refused(MalformedFileException.class, simple().output("z"), "output 'z'");
    }

    @Test
    void whatIsThereTwiceIsNamed() {
        refused(MalformedFileException.class, simple().node("Neg", "x", "y"), "'y' from two places");
        refused(MalformedFileException.class, simple().node("Neg", "y", "x"), "'x' from two places");
        refused(MalformedFileException.class, simple().node("Split", "x", "a a"), "'a' from two places");
        refused(MalformedFileException.class, simple().input("x", DataType.FLOAT, "4"), "input 'x' twice");
        refused(
                MalformedFileException.class,
                simple().floats("w", new float[1]).floats("w", new float[1]),
                "tensor 'w' twice");
        refused(
                MalformedFileException.class,
                simple().floats("w", new float[1]).node("Neg", "x", "w"),
                "'w' from two places");
    }

    @Test
    void nodesMayStandInAnyOrder() {
        OnnxModel model = HandGraph.opset(17)
                .node("Neg", "b", "c")
                .node("Relu", "a", "b")
                .node("Abs", "a", "unused")
                .node("Exp", "x", "a")
                .input("x", DataType.FLOAT, "batch", "4")
                .output("c")
                .open(folder);
        assertThat(model.tensors()).extracting(GraphTensor::name).containsExactly("x", "a", "b", "c", "unused");
        assertThat(model.sites()).hasSize(4);
    }

    private HandGraph withWeight(String... keysAndValues) {
        Map<String, String> entries = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            entries.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return simple().external("w", entries, 4).node("Add", "y w", "z");
    }

    @Test
    void externalDataMayNotLeaveTheFolder() throws IOException {
        Path inner = Files.createDirectory(folder.resolve("inner"));
        file = inner.resolve("model.onnx");
        Path secret = Files.write(folder.resolve("secret"), new byte[64]);
        refused(ModscanException.class, withWeight("location", "../secret"), "'w'", "outside");
        refused(ModscanException.class, withWeight("location", secret.toString()), "'w'", "outside");
        Files.createSymbolicLink(inner.resolve("link"), secret);
        refused(ModscanException.class, withWeight("location", "link"), "'w'", "outside");
        Files.createSymbolicLink(inner.resolve("folder"), folder);
        refused(ModscanException.class, withWeight("location", "folder/secret"), "'w'", "outside");
        refused(ModscanException.class, withWeight("location", "missing"), "'w'", "no such file");
        refused(ModscanException.class, withWeight("location", "\0"), "'w'");
        refused(ModscanException.class, withWeight(), "'w'");
    }

    @Test
    void externalDataWithinBodiesMayNotLeaveTheFolderEither() throws IOException {
        Path inner = Files.createDirectory(folder.resolve("inner"));
        file = inner.resolve("model.onnx");
        Files.write(folder.resolve("secret"), new byte[64]);
        HandGraph body = HandGraph.body()
                .external("w", Map.of("location", "../secret"), 4)
                .node("Add", "y w", "inner")
                .output("inner");
        refused(
                ModscanException.class,
                simple().bytes("cond", DataType.BOOL, new byte[] {1})
                        .node("If", "cond", "a", graph("then_branch", body), graph("else_branch", body)),
                "'w'",
                "outside");
    }

    @Test
    void externalDataHasToBeInTheFile() {
        HandGraph.write(folder.resolve("data"), new byte[32]);
        refused(MalformedFileException.class, withWeight("location", "data", "offset", "-4"), "'w'", "-4");
        refused(MalformedFileException.class, withWeight("location", "data", "length", "-16"), "'w'", "-16");
        refused(MalformedFileException.class, withWeight("location", "data", "length", "12"), "'w'", "[4]", "12");
        refused(MalformedFileException.class, withWeight("location", "data", "offset", "ten"), "'w'", "ten");
        refused(MalformedFileException.class, withWeight("location", "data", "offset", "20"), "'w'", "32 bytes");
        refused(
                MalformedFileException.class,
                withWeight("location", "data", "offset", Long.toString(Long.MAX_VALUE)),
                "'w'");
        withWeight("location", "data", "offset", "16").open(folder);
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 1L << 62, Long.MAX_VALUE, Long.MIN_VALUE})
    void absurdDimensionsAreRefused(long dim) {
        refused(
                MalformedFileException.class,
                simple().bytes("w", DataType.FLOAT, new byte[16], dim, 4).node("Add", "y w", "z"),
                "'w'");
        refused(
                MalformedFileException.class,
                simple().floats("w", new float[4], dim).node("Add", "y w", "z"),
                "'w'");
    }

    @Test
    void valuesHaveToFitTheShape() {
        refused(MalformedFileException.class, simple().bytes("w", DataType.FLOAT, new byte[12], 4), "'w'", "[4]", "12");
        refused(MalformedFileException.class, simple().floats("w", new float[3], 4), "'w'", "[4]", "3");
        refused(MalformedFileException.class, simple().floats("w", new float[0], 1L << 40), "'w'");
        refused(MalformedFileException.class, simple().longs("w", new long[5], 4), "'w'", "[4]", "5");
        refused(MalformedFileException.class, simple().floats("w", new float[1000], 999), "'w'", "[999]");
        refused(
                UnsupportedModelException.class,
                simple().initializer(HandGraph.tensor("w", DataType.FLOAT, 4).setDataType(99)),
                "'w'",
                "type 99");
        long[] ones = new long[64];
        Arrays.fill(ones, 1);
        OnnxModel model =
                simple().floats("w", new float[1], ones).node("Add", "y w", "z").open(folder);
        assertThat(model.tensors()).hasSize(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"4611686018427387904", "3000000000"})
    void absurdAxesOfInputsAreRefusedOrListed(String axis) {
        HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", axis)
                .node("Relu", "x", "y")
                .write(file);
        assertThat(HandGraph.refusal(OnnxModel.open(file), "y")).contains(axis);
        HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "batch", axis)
                .node("Abs", "input_ids", "y")
                .write(file);
        refused(ModscanException.class, "input_ids", axis);
    }

    @Test
    void axesMayBeCalledAnything() {
        ValueInfoProto.Builder input = OnnxProtos.valueInfo("x", 1, List.of("batch", "4")).toBuilder();
        TypeProto.Tensor.Builder tensor = input.getTypeBuilder().getTensorTypeBuilder();
        for (String name : List.of("?", "-1", "7", "", "a b", "x.2")) {
            tensor.getShapeBuilder().addDimBuilder().setDimParam(name);
        }
        OnnxModel model =
                HandGraph.opset(17).input(input.build()).node("Relu", "x", "y").open(folder);
        assertThat(model.tensors()).hasSize(2);
        assertThat(HandGraph.refusal(model, "y")).contains("has to be said first");
    }

    @Test
    void anInputOfUnknownRankIsRefused() {
        ValueInfoProto.Builder input = OnnxProtos.valueInfo("x", 1, List.of()).toBuilder();
        input.getTypeBuilder().getTensorTypeBuilder().clearShape();
        refused(
                UnsupportedModelException.class,
                HandGraph.opset(17).input(input.build()).node("Relu", "x", "y"),
                "'x'",
                "axes");
    }

    @Test
    void nestingTenThousandDeepIsRefused() throws IOException {
        ByteString nested = simple().model().getGraph().toByteString();
        for (int i = 0; i < 10_000; i++) {
            nested = enclosed(1, enclosed(5, enclosed(6, nested)));
        }
        HandGraph.write(file, enclosed(7, nested).toByteArray());
        refused(MalformedFileException.class, "no ONNX model");
    }

    static ByteString enclosed(int field, ByteString content) throws IOException {
        ByteString.Output bytes = ByteString.newOutput();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        out.writeTag(field, 2);
        out.writeUInt32NoTag(content.size());
        out.flush();
        return bytes.toByteString().concat(content);
    }

    @Test
    void unknownOperatorsAreNamed() {
        refused(ModscanException.class, simple().node("Frobnicate", "y", "z"), "Frobnicate");
        refused(ModscanException.class, simple().node("org.else.Relu", "y", "z"), "org.else");
        refused(ModscanException.class, simple().domain("org.else", 1).node("org.else.Relu", "y", "z"), "org.else");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aChainOfVeryManyNodesTakesReasonableTime(boolean reversed) {
        int length = reversed ? 20_000 : 10_000;
        HandGraph graph = HandGraph.opset(17).input("x", DataType.FLOAT, "batch", "4");
        for (int i = 0; i < length; i++) {
            int node = reversed ? length - 1 - i : i;
            graph.node("Neg", node == 0 ? "x" : "t" + (node - 1), "t" + node);
        }
        graph.write(file);
        Assertions.assertTimeout(Duration.ofMinutes(3), () -> {
            OnnxModel model = OnnxModel.open(file);
            assertThat(model.sites()).hasSize(length);
            model.export().sites(model.operator("Neg")).to(folder.resolve("out.onnx"));
        });
    }

    @Test
    void constantsOfAnySizeAreNotComputedToListTensors() {
        OnnxModel model = simple().longs("shape", new long[] {1L << 15, 1L << 16}, 2)
                .node("ConstantOfShape", "shape", "terabytes")
                .node("Expand", "one shape", "more")
                .floats("one", new float[] {1}, 1)
                .open(folder);
        assertThat(HandGraph.refusal(model, "terabytes")).contains("the same whatever");
    }

    @Test
    void irVersionThreeListsInitializersAsInputs() {
        OnnxModel model = HandGraph.opset(7)
                .ir(3)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .input("table", DataType.FLOAT, "16", "4")
                .input("shift", DataType.FLOAT, "4")
                .floats("table", HandGraph.table(), 16, 4)
                .floats("shift", new float[] {1, 2, 3, 4}, 4)
                .node("Gather", "table input_ids", "hidden")
                .node("Add", "hidden shift", "y")
                .output("y")
                .open(folder);
        assertThat(model.vocabularySize()).hasValue(16);
        float[] values = HandGraph.values(model, "y", PROMPT);
        assertThat(values).hasSize(12);
        assertThat(values[0]).isEqualTo(HandGraph.table()[12] + 1);
    }

    @Test
    void unknownFieldsSurviveSaving() throws IOException {
        UnknownFieldSet unknown = UnknownFieldSet.newBuilder()
                .addField(
                        1234,
                        UnknownFieldSet.Field.newBuilder()
                                .addLengthDelimited(ByteString.copyFromUtf8("of a later version"))
                                .addVarint(-1)
                                .addFixed32(7)
                                .addFixed64(9)
                                .build())
                .build();
        ModelProto.Builder model = simple().model().setUnknownFields(unknown);
        model.getGraphBuilder().setUnknownFields(unknown);
        model.getGraphBuilder().getNodeBuilder(0).setUnknownFields(unknown);
        HandGraph.write(file, model.build().toByteArray());
        Path saved = folder.resolve("saved.onnx");
        OnnxModel.open(file).export().to(saved);
        ModelProto again = ModelProto.parseFrom(Files.readAllBytes(saved));
        assertThat(again.getUnknownFields()).isEqualTo(unknown);
        assertThat(again.getGraph().getUnknownFields()).isEqualTo(unknown);
        assertThat(again.getGraph().getNode(0).getUnknownFields()).isEqualTo(unknown);
    }

    @Test
    void packedFloatsStayInTheFile() throws IOException {
        float[] weights = new float[1000];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = i;
        }
        OnnxModel model = HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "1")
                .floats("w", weights, 1000)
                .node("Add", "x w", "y")
                .open(folder);
        OnnxFile read = OnnxFile.read(file);
        assertThat(read.model().getSerializedSize()).isLessThan(1000);
        assertThat(read.graph().getInitializer(0).getFloatDataCount()).isZero();
        float[] values =
                HandGraph.values(model, "y", Prompt.ofTensors("p", Map.of("x", InputTensor.of(new float[] {0.5f}, 1))));
        assertThat(values[999]).isEqualTo(999.5f);
        assertThat(values[0]).isEqualTo(0.5f);
    }

    @Test
    void aWeightOfManyGigabytesIsNeitherCopiedNorHeld() throws IOException {
        long rows = 3L << 20;
        long bytes = rows * 256 * Float.BYTES;
        try (FileChannel data = FileChannel.open(
                folder.resolve("data"),
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE,
                StandardOpenOption.SPARSE)) {
            data.write(ByteBuffer.wrap(HandGraph.littleEndian(42)), bytes - 256 * Float.BYTES);
            data.write(ByteBuffer.allocate(1), bytes - 1);
        }
        OnnxModel model = HandGraph.opset(17)
                .input("input_ids", DataType.INT64, "batch", "sequence")
                .external("table", new HashMap<>(Map.of("location", "data")), rows, 256)
                .node("Gather", "table input_ids", "hidden")
                .open(folder);
        assertThat(model.vocabularySize()).hasValue((int) rows);
        float[] values = HandGraph.values(model, "hidden", Prompt.ofTokens("p", 5, (int) rows - 1));
        assertThat(values[0]).isZero();
        assertThat(values[256]).isEqualTo(42);
    }

    @Test
    void anInlineWeightIsNotHeld() throws IOException {
        int size = 256 << 20;
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        ModelProto.Builder model = HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "1")
                .node("Gather", "w x_index", "y")
                .longs("x_index", new long[] {(size / 4) - 1}, 1)
                .node("Add", "x y", "z")
                .model();
        byte[] tensor = HandGraph.tensor("w", DataType.FLOAT, size / 4).build().toByteArray();
        byte[] graph = model.getGraph().toByteArray();
        model.clearGraph().build().writeTo(head);
        CodedOutputStream out = CodedOutputStream.newInstance(head);
        int rawHead = 1 + CodedOutputStream.computeUInt32SizeNoTag(size);
        int tensorSize = tensor.length + rawHead + size;
        int initializerHead = 1 + CodedOutputStream.computeUInt32SizeNoTag(tensorSize);
        out.writeTag(7, 2);
        out.writeUInt32NoTag(graph.length + initializerHead + tensorSize);
        out.writeRawBytes(graph);
        out.writeTag(5, 2);
        out.writeUInt32NoTag(tensorSize);
        out.writeRawBytes(tensor);
        out.writeTag(9, 2);
        out.writeUInt32NoTag(size);
        out.flush();
        try (FileChannel data = FileChannel.open(
                file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            data.write(ByteBuffer.wrap(head.toByteArray()));
            data.write(ByteBuffer.wrap(HandGraph.littleEndian(42)), head.size() + size - 4L);
        }
        assertThat(OnnxFile.read(file).model().getSerializedSize()).isLessThan(1000);
        float[] values = HandGraph.values(
                OnnxModel.open(file), "z", Prompt.ofTensors("p", Map.of("x", InputTensor.of(new float[] {0.5f}, 1))));
        assertThat(values).containsExactly(42.5f);
    }

    @Test
    void nodesWithoutWhatTheyNeedAreRefused() {
        refused(ModscanException.class, simple().node("Identity", "", "z"));
        refused(
                ModscanException.class,
                HandGraph.opset(13)
                        .input("x", DataType.FLOAT, "batch", "4")
                        .node("Relu", "x", "y")
                        .node("GreaterOrEqual", "x y", ""));
    }

    @Test
    void functionsWithWeightsInOtherFilesAreRefused() {
        TensorProto outside = HandGraph.tensor("secret", DataType.FLOAT, 4)
                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                .addExternalData(
                        StringStringEntryProto.newBuilder().setKey("location").setValue("../secret"))
                .build();
        ModelProto.Builder model = simple().model();
        model.addFunctionsBuilder()
                .setName("f")
                .setDomain("d")
                .addNode(NodeProto.newBuilder()
                        .setOpType("Constant")
                        .addOutput("c")
                        .addAttribute(AttributeProto.newBuilder()
                                .setName("value")
                                .setType(AttributeProto.AttributeType.TENSOR)
                                .setT(outside)));
        HandGraph.write(file, model.build().toByteArray());
        refused(UnsupportedModelException.class, "'secret'", "function 'f'");
    }

    @Test
    void sparseTensorsOfAttributesMayNotLieOutsideOfTheFolder() {
        TensorProto outside = HandGraph.tensor("secret", DataType.FLOAT, 4)
                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                .addExternalData(
                        StringStringEntryProto.newBuilder().setKey("location").setValue("../secret"))
                .build();
        refused(
                ModscanException.class,
                simple().node(
                                "Constant",
                                "",
                                "c",
                                AttributeProto.newBuilder()
                                        .setName("sparse_value")
                                        .setType(AttributeProto.AttributeType.SPARSE_TENSOR)
                                        .setSparseTensor(SparseTensorProto.newBuilder()
                                                .setValues(outside)
                                                .setIndices(HandGraph.tensor("i", DataType.INT64, 4)
                                                        .addAllInt64Data(List.of(0L, 1L, 2L, 3L)))
                                                .addDims(8))
                                        .build()),
                "'secret'");
    }
}
