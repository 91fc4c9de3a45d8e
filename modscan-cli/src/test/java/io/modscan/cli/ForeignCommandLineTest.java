package io.modscan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.site.Pooling;
import io.modscan.demo.DemoModel;
import io.modscan.onnx.foreign.OnnxModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line on a real model that others made, and on what must be told from such a one. */
class ForeignCommandLineTest {

    private static final String SOFTMAX = "/encoder/layer.3/attention/self/Softmax_output_0";

    @TempDir
    static Path miniLm;

    @TempDir
    Path folder;

    private String prompts = "";
    private String ids = "";

    @BeforeEach
    void write() throws IOException {
        prompts = file("prompts.csv", "id,topic,text", "a,x,Salt.", "b,y,Simmer the onions in butter.");
        ids = file("ids.jsonl", "{\"id\": 1, \"ids\": [101, 5474, 102]}");
    }

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    private String file(String name, String... lines) throws IOException {
        return Files.write(folder.resolve(name), List.of(lines)).toString();
    }

    @BeforeAll
    static void unpack() throws IOException {
        MiniLm.copyTo(miniLm);
    }

    private static String model() {
        return miniLm.resolve("model.onnx").toString();
    }

    private static String demo() {
        return DemoModel.folder().toString();
    }

    private String export() {
        String export = file("demo.onnx");
        assertThat(CommandLineRun.of("export", "--model", demo(), "--self-contained", "--out", export)
                        .status())
                .isZero();
        return export;
    }

    /** The same with one operator in the place of another. */
    private String editedExport() throws IOException {
        String bytes = Files.readString(Path.of(export()), StandardCharsets.ISO_8859_1);
        assertThat(bytes).contains("Relu");
        Path edited = folder.resolve("edited.onnx");
        return Files.writeString(edited, bytes.replace("Relu", "Tanh"), StandardCharsets.ISO_8859_1)
                .toString();
    }

    private static List<String> sites(String... args) {
        List<String> all = new ArrayList<>(List.of("sites"));
        all.addAll(List.of(args));
        CommandLineRun run = CommandLineRun.of(all.toArray(String[]::new));
        assertThat(run.status()).as(run.err()).isZero();
        // What it takes of memory, unless none of them can be captured.
        assertThat(run.err().lines())
                .allMatch(line -> line.startsWith("to capture ") || line.startsWith("a batch of 8 prompts"));
        return run.out().lines().toList();
    }

    private CommandLineRun capture(String model, String... args) {
        List<String> all = new ArrayList<>(List.of("capture", "--model", model));
        all.addAll(List.of(args));
        return CommandLineRun.of(all.toArray(String[]::new));
    }

    @Test
    void aModelIsTriedInAProcessOfItsOwnUnlessItIsTrusted() {
        String classes = System.getProperty("java.class.path");
        System.setProperty("java.class.path", file("nowhere"));
        try {
            CommandLineRun tried = CommandLineRun.of("sites", "--model", model());
            assertThat(tried.status()).isEqualTo(1);
            assertThat(tried.err()).contains(model(), "cannot be tried in a process of its own", "--trust");
            assertThat(sites("--model", model(), "--trust")).hasSize(1 + 640);
        } finally {
            System.setProperty("java.class.path", classes);
        }
        CommandLineRun opt = CommandLineRun.of("sites", "--model", demo(), "--trust");
        assertThat(opt.status()).isEqualTo(2);
        assertThat(opt.err()).contains("--trust", "is opened as an OPT model");
    }

    @Test
    void allTensorsAreListed() {
        List<String> lines = sites("--model", model());

        assertThat(lines).hasSize(1 + 640);
        assertThat(lines.get(0).split(" {2,}", -1))
                .containsExactly("tensor", "type", "shape", "operator", "layer", "captured as");
        assertThat(lines)
                .anySatisfy(line -> assertThat(line.split(" {2,}", -1))
                        .containsExactly(
                                SOFTMAX,
                                "float32",
                                "[batch_size, 12, sequence_length, sequence_length]",
                                "Softmax",
                                "3",
                                "[12 heads, query, key]"))
                .anyMatch(line -> line.startsWith("input_ids ") && line.endsWith("not: it is what the model is given"))
                .anyMatch(line -> line.startsWith("/Constant_output_0 ")
                        && line.endsWith("  not: it is the same whatever the input"))
                .anyMatch(line -> line.startsWith("/embeddings/Shape_output_0 ") && line.endsWith("on demand"));
        // aligned
        int type = lines.get(0).indexOf("type");
        assertThat(lines)
                .allSatisfy(line -> assertThat(line.charAt(type - 1)).isEqualTo(' '))
                .allSatisfy(line -> assertThat(line.charAt(type)).isNotEqualTo(' '))
                .allSatisfy(line -> assertThat(line).isEqualTo(line.stripTrailing()));
    }

    @Test
    void someAreListedByName() {
        assertThat(sites("--model", model(), "--sites", "layer.3*Softmax*,last_hidden_state", "--tsv"))
                .containsExactly(
                        "tensor\ttype\tshape\toperator\tlayer\tcaptured as",
                        SOFTMAX
                                + "\tfloat32\t[batch_size, 12, sequence_length, sequence_length]\tSoftmax\t3\t[12 heads, query, key]",
                        "last_hidden_state\tfloat32\t[batch_size, sequence_length, 384]\tAdd\t5\t[position, 384 units]");
        // One that is no site too.
        assertThat(sites("--model", model(), "--sites", "input_ids")).hasSize(2);
    }

    @Test
    void whatIsSaidOfTheModelShowsInTheList() {
        assertThat(sites(
                                "--model",
                                model(),
                                "--sites",
                                "layer.0/attention/self/query/Add_output_0",
                                "--heads",
                                "*query/Add_output_0=12",
                                "--dimension",
                                "batch_size=1",
                                "--input",
                                "input_ids=token_ids",
                                "--tsv")
                        .get(1))
                .endsWith("\t[1, sequence_length, 384]\tAdd\t0\t[position, 12 heads, 32 units]");
    }

    @Test
    void anExportAndItsCheckpointListTheSameSites() {
        List<String> lines = sites("--model", demo());
        assertThat(lines).hasSize(1 + DemoModel.open().sites().size());
        assertThat(lines.get(0).split(" {2,}", -1)).containsExactly("site", "layer", "captured as");
        assertThat(lines)
                .anyMatch(line -> line.matches("blocks\\.4\\.attn\\.hook_z +4 +\\[position, 8 heads, 32 units]"))
                .anyMatch(line -> line.matches("blocks\\.0\\.attn\\.hook_pattern +0 +\\[8 heads, query, key]"))
                .anyMatch(line -> line.matches("blocks\\.0\\.attn\\.hook_result .* on demand"));
        assertThat(sites("--model", demo(), "--sites", "hook_z", "--tsv"))
                .hasSize(1 + 6)
                .contains("blocks.5.attn.hook_z\t5\t[position, 8 heads, 32 units]");
        assertThat(sites("--model", export())).isEqualTo(lines);
    }

    @Test
    void aCaptureIsWhatTheProbeGives() throws IOException {
        CommandLineRun run = capture(
                model(),
                "--prompts",
                prompts,
                "--sites",
                "last_hidden_state," + SOFTMAX + ",self/MatMul_1_output_0.magnitude",
                "--out",
                file("out"));
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.err()).contains("capturing 2 prompts at 8 sites");
        SafetensorsFile tokens = SafetensorsFile.open(folder.resolve("out"));
        assertThat(tokens.metadata()).containsEntry("model.type", "onnx").containsEntry("model.name", "model.onnx");
        assertThat(tokens.tensors()).containsKeys(SOFTMAX + "/0", SOFTMAX + "/1", "last_hidden_state");

        CommandLineRun pooled = capture(
                model(),
                "--prompts",
                prompts,
                "--sites",
                "last_hidden_state",
                "--pooling",
                "mean",
                "--skip-bos",
                "--bos",
                "101",
                "--max-tokens",
                "512",
                "--out",
                file("pooled"));
        assertThat(pooled.status()).as(pooled.err()).isZero();
        FloatBuffer means = SafetensorsFile.open(folder.resolve("pooled"))
                .map("last_hidden_state")
                .asFloatBuffer();
        try (Probe probe = Probe.builder(OnnxModel.open(miniLm.resolve("model.onnx"))
                        .withBosTokenId(101)
                        .withMaxTokens(512))
                .sites("last_hidden_state")
                .pooling(Pooling.mean().withoutBos())
                .build()) {
            Activations expected = probe.capture(Prompts.read(Path.of(prompts)));
            for (int prompt = 0; prompt < 2; prompt++) {
                float[] mean = new float[384];
                means.get(mean);
                assertThat(Arrays.equals(mean, expected.onlySite().vector(prompt)))
                        .isTrue();
            }
        }
    }

    private void npy(String name, long... values) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(values);
        npy(name, "<i8", values.length + ",", bytes);
    }

    /** As numpy.save writes it. */
    private void npy(String name, String type, String shape, ByteBuffer values) throws IOException {
        byte[] header = ("{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }\n")
                .getBytes(StandardCharsets.US_ASCII);
        ByteBuffer file = ByteBuffer.allocate(10 + header.length + values.remaining())
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0})
                .putShort((short) header.length)
                .put(header)
                .put(values);
        Files.write(folder.resolve(name), file.array());
    }

    @Test
    void readyTensorsAreTakenFromFiles() throws IOException {
        npy("ids.npy", 101, 5474, 102);
        npy("ones.npy", 1, 1, 1);
        npy("zeros.npy", 0, 0, 0);
        String tensors = file(
                "tensors.jsonl",
                "{\"id\": 1, \"topic\": \"x\", \"inputs\": {\"input_ids\": \"ids.npy\", \"attention_mask\": \"ones.npy\","
                        + " \"token_type_ids\": {\"file\": \"zeros.npy\"}}}");
        for (String[] source : new String[][] {{"--ids", ids, "a"}, {"--prompts", tensors, "b"}}) {
            CommandLineRun run =
                    capture(model(), source[0], source[1], "--sites", "last_hidden_state", "--out", file(source[2]));
            assertThat(run.status()).as(run.err()).isZero();
        }
        assertThat(SafetensorsFile.open(folder.resolve("b")).map("last_hidden_state"))
                .isEqualTo(SafetensorsFile.open(folder.resolve("a")).map("last_hidden_state"));
        npy("ids.npy", 101);
        assertFailure("model.onnx: input 'attention_mask'", capture(model(), "--prompts", tensors, "--out", file("c")));
        assertFailure("has no ready token ids", capture(model(), "--ids", tensors, "--out", file("c")));
        Files.delete(folder.resolve("ones.npy"));
        assertFailure("line 1: input 'attention_mask'", capture(model(), "--prompts", tensors, "--out", file("c")));
    }

    /** Integers of which the graph does not tell what they stand for: a scale for each row, rearranged; and sums. */
    @Test
    void dequantizeSaysWhatItLeaves() throws IOException {
        GraphProto.Builder graph = GraphProto.newBuilder().setName("quantized");
        graph.addInput(value("x", 2, 3));
        graph.addOutput(value("y", 3, 2));
        graph.addInitializer(TensorProto.newBuilder()
                .setName("scale")
                .setDataType(TensorProto.DataType.FLOAT_VALUE)
                .addDims(2)
                .addAllFloatData(List.of(0.5f, 2f)));
        graph.addInitializer(TensorProto.newBuilder()
                .setName("zero")
                .setDataType(TensorProto.DataType.INT8_VALUE)
                .addDims(2)
                .setRawData(ByteString.copyFrom(new byte[2])));
        AttributeProto axis = AttributeProto.newBuilder()
                .setName("axis")
                .setType(AttributeProto.AttributeType.INT)
                .setI(1)
                .build();
        AttributeProto order = AttributeProto.newBuilder()
                .setName("perm")
                .setType(AttributeProto.AttributeType.INTS)
                .addAllInts(List.of(0L, 2L, 1L))
                .build();
        AttributeProto number = AttributeProto.newBuilder()
                .setName("to")
                .setType(AttributeProto.AttributeType.INT)
                .setI(TensorProto.DataType.FLOAT_VALUE)
                .build();
        graph.addNode(node("QuantizeLinear", List.of("x", "scale", "zero"), "q", axis));
        graph.addNode(node("Transpose", List.of("q"), "t", order));
        graph.addNode(node("Cast", List.of("t"), "y", number));
        Path file = Files.write(
                folder.resolve("quantized.onnx"),
                ModelProto.newBuilder()
                        .setIrVersion(8)
                        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(13))
                        .setGraph(graph)
                        .build()
                        .toByteArray());
        npy("x.npy", "<f4", "2, 3", ByteBuffer.allocate(24));
        String tensors = file("tensors.jsonl", "{\"inputs\": {\"x\": \"x.npy\"}}");
        PrintStream before = System.err;
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
        try {
            CommandLineRun run = capture(
                    file.toString(), "--prompts", tensors, "--dequantize", "--sites", "q,t", "--out", file("o"));
            assertThat(run.status()).as(run.err()).isZero();
        } finally {
            System.setErr(before);
        }
        assertThat(log.toString(StandardCharsets.UTF_8))
                .contains("1 of the tensors stay integers", "'t' of Transpose")
                .doesNotContain("'q'");
    }

    private static NodeProto node(String operator, List<String> reads, String gives, AttributeProto attribute) {
        return NodeProto.newBuilder()
                .setOpType(operator)
                .setName(gives)
                .addAllInput(reads)
                .addOutput(gives)
                .addAttribute(attribute)
                .build();
    }

    private static ValueInfoProto value(String name, long rows, long columns) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder()
                .addDim(TensorShapeProto.Dimension.newBuilder().setDimParam("batch"));
        for (long length : new long[] {rows, columns}) {
            shape.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(length));
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(TensorProto.DataType.FLOAT_VALUE)
                                .setShape(shape)))
                .build();
    }

    @Test
    void aTokenizerFromElsewhereIsTaken() throws IOException {
        Path bare = Files.createDirectories(folder.resolve("bare"));
        String alone = Files.copy(miniLm.resolve("model.onnx"), bare.resolve("model.onnx"))
                .toString();
        assertFailure(
                "has no tokenizer; expected are tokenizer.json",
                capture(alone, "--prompts", prompts, "--sites", "last_hidden_state", "--out", file("x")));
        CommandLineRun ofIds =
                capture(alone, "--ids", ids, "--sites", "last_hidden_state", "--out", file("ids.safetensors"));
        assertThat(ofIds.status()).as(ofIds.err()).isZero();
        CommandLineRun run = capture(
                alone,
                "--tokenizer",
                miniLm.resolve("tokenizer.json").toString(),
                "--prompts",
                prompts,
                "--sites",
                "last_hidden_state",
                "--out",
                file("out"));
        assertThat(run.status()).as(run.err()).isZero();
        assertFailure(
                "one of the files that are read",
                capture(alone, "--ids", ids, "--sites", "last_hidden_state", "--out", alone));
        assertThat(Path.of(alone)).hasSameBinaryContentAs(miniLm.resolve("model.onnx"));
    }

    @Test
    void whatIsNoModelIsToldInOneLine() throws IOException {
        assertFailure("no such file", CommandLineRun.of("sites", "--model", file("none.onnx")));
        // Not taken for a hub's name.
        assertFailure("no such file", CommandLineRun.of("sites", "--model", "no/where.onnx"));
        assertFailure(
                "is no ONNX model", CommandLineRun.of("sites", "--model", file("text.onnx", "a text, not a model")));
        assertFailure("was changed since modscan wrote it", CommandLineRun.of("sites", "--model", editedExport()));
        assertFailure("no model of the hub", CommandLineRun.of("sites", "--model", model(), "--revision", "refs/pr/1"));
    }

    @Test
    void whatTheModelHasNotIsToldInOneLine() throws IOException {
        assertFailure(
                "near are [" + SOFTMAX.replace('3', '0'),
                CommandLineRun.of("sites", "--model", model(), "--sites", "Softmaks_output_0"));
        assertFailure(
                "near are [" + SOFTMAX.replace('3', '0'),
                capture(model(), "--ids", ids, "--sites", "Softmaks_output_0", "--out", file("x")));
        assertFailure("hook_z", CommandLineRun.of("sites", "--model", demo(), "--sites", "blocks.*.attn.hook_zz"));
        assertFailure("means magnitudes", CommandLineRun.of("sites", "--model", demo(), "--sites", "hook_z.magnitude"));
        assertFailure(
                "has no input 'words'; its inputs are [input_ids, attention_mask, token_type_ids]",
                capture(model(), "--ids", ids, "--input", "words=token_ids", "--out", file("x")));
        assertFailure(
                "has an axis 'height'; their symbols are [batch_size, sequence_length]",
                capture(model(), "--ids", ids, "--dimension", "height=3", "--out", file("x")));
        assertFailure(
                "can't be split into the 7 heads",
                capture(model(), "--ids", ids, "--heads", "*query/Add_output_0=7", "--out", file("x")));
        assertFailure(
                "prompt 'b' has 9 tokens; the model takes at most 8",
                capture(
                        model(),
                        "--prompts",
                        prompts,
                        "--max-tokens",
                        "8",
                        "--sites",
                        "last_hidden_state",
                        "--out",
                        file("x")));
        assertThat(folder.resolve("x")).doesNotExist();
    }

    @Test
    void scanSaysWhatTakesAnyModel() {
        CommandLineRun scan = CommandLineRun.of("scan", "--model", model(), "--out", file("scan"));
        assertFailure("scan reads hook_z and mlp.hook_post of OPT models", scan);
        assertThat(scan.err()).contains("'modscan capture'", "MiniLm");
    }

    @Test
    void exportCutsAModelOffBehindWhatIsNamed() {
        CommandLineRun run = CommandLineRun.of(
                "export",
                "--model",
                model(),
                "--sites",
                "last_hidden_state",
                "--self-contained",
                "--out",
                file("cut.onnx"));
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out()).contains("1 outputs").contains("cut.onnx.data");
        CommandLineRun listed = CommandLineRun.of("sites", "--model", file("cut.onnx"), "--sites", "last_hidden_state");
        assertThat(listed.out()).contains("last_hidden_state");
    }

    private static void assertFailure(String message, CommandLineRun run) {
        assertThat(run.status()).as(run.err()).isEqualTo(1);
        List<String> lines =
                run.err().lines().filter(line -> !line.startsWith("capturing")).toList();
        assertThat(lines).hasSize(1);
        assertThat(lines.get(0)).startsWith("modscan: ").contains(message);
    }

    @Test
    void wrongUsageExitsWithTwo() {
        assertUsage("TOKEN_IDS", capture(model(), "--ids", ids, "--input", "input_ids=words", "--out", file("x")));
        assertUsage("NAME=ROLE", capture(model(), "--ids", ids, "--input", "token_ids", "--out", file("x")));
        assertFailure(
                "the positions can't be 'batch_size'",
                capture(model(), "--ids", ids, "--position-axis", "batch_size", "--out", file("x")));
        assertFailure(
                "the batch can't be 'sequence_length'",
                capture(model(), "--ids", ids, "--batch", "sequence_length", "--out", file("x")));
        assertUsage("--dimension", capture(model(), "--ids", ids, "--dimension", "height=x", "--out", file("x")));
        assertUsage("length 0", capture(model(), "--ids", ids, "--dimension", "batch_size=0", "--out", file("x")));
        assertUsage("-4 tokens", capture(model(), "--ids", ids, "--max-tokens", "-4", "--out", file("x")));
        assertUsage(
                "add --bos ID", capture(model(), "--ids", ids, "--pooling", "mean", "--skip-bos", "--out", file("x")));
        for (List<String> option : List.of(
                List.of("--bos", "2"),
                List.of("--max-tokens", "5"),
                List.of("--dequantize"),
                List.of("--input", "input_ids=token_ids"),
                List.of("--dimension", "batch=2"),
                List.of("--heads", "hook_q=4"))) {
            List<String> args = new ArrayList<>(List.of("--ids", ids, "--out", file("x")));
            args.addAll(option);
            assertUsage(
                    option.get(0) + " is for ONNX models that modscan did not export",
                    capture(demo(), args.toArray(String[]::new)));
        }
        assertUsage("--bos is for ONNX models", CommandLineRun.of("sites", "--model", export(), "--bos", "2"));
        assertThat(folder.resolve("x")).doesNotExist();
    }

    private static void assertUsage(String message, CommandLineRun run) {
        assertThat(run.status()).as(run.err()).isEqualTo(2);
        assertThat(run.err().lines().findFirst().orElse("")).contains(message);
    }

    @Test
    void helpTellsTheOptionsOfOthersModels() {
        for (String command : List.of("sites", "capture")) {
            CommandLineRun run = CommandLineRun.of(command, "--help");
            assertThat(run.status()).isZero();
            assertThat(run.out()).contains("that modscan did not export", "--heads=GLOB=N", "--bos=ID");
        }
        assertThat(CommandLineRun.of("scan", "--help").out()).doesNotContain("--heads");
        assertThat(CommandLineRun.of("--help").out().replaceAll("\\s+", " "))
                .contains("(sites | capture | scan | tokens | ablate | attribute | export)");
    }

    private String write(String name, ModelProto.Builder model) throws IOException {
        return Files.write(folder.resolve(name), model.build().toByteArray()).toString();
    }

    private static ValueInfoProto.Builder value(String name, DataType type, String... axes) {
        TypeProto.Tensor.Builder tensor = TypeProto.Tensor.newBuilder().setElemType(type.getNumber());
        for (String axis : axes) {
            TensorShapeProto.Dimension.Builder dim = tensor.getShapeBuilder().addDimBuilder();
            if (axis.matches("\\d+")) {
                dim.setDimValue(Long.parseLong(axis));
            } else {
                dim.setDimParam(axis);
            }
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder().setTensorType(tensor));
    }

    private static ModelProto.Builder model(GraphProto.Builder graph) {
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
                .setGraph(graph.setName("graph"));
    }

    private static NodeProto node(String operator, String output, String... inputs) {
        return NodeProto.newBuilder()
                .setOpType(operator)
                .addAllInput(List.of(inputs))
                .addOutput(output)
                .build();
    }

    /** A text of 4 tokens at most, 4 wide, whose places are in the graph; and a mask that may mean either. */
    private String fixed() throws IOException {
        TensorProto.Builder table = TensorProto.newBuilder()
                .setName("table")
                .setDataType(1)
                .addDims(16)
                .addDims(4);
        TensorProto.Builder places = TensorProto.newBuilder()
                .setName("places")
                .setDataType(1)
                .addDims(1)
                .addDims(4)
                .addDims(4);
        for (int i = 0; i < 64; i++) {
            table.addFloatData(i);
        }
        for (int i = 0; i < 16; i++) {
            places.addFloatData(0);
        }
        return write(
                "fixed.onnx",
                model(GraphProto.newBuilder()
                        .addInput(value("input_ids", DataType.INT64, "1", "4"))
                        .addInput(value("padding_mask", DataType.INT64, "1", "4"))
                        .addInitializer(table)
                        .addInitializer(places)
                        .addNode(node("Gather", "looked_up", "table", "input_ids"))
                        .addNode(node("Add", "hidden", "looked_up", "places"))
                        .addNode(node("Add", "sum", "input_ids", "padding_mask"))
                        .addOutput(value("hidden", DataType.FLOAT, "1", "4", "4"))));
    }

    @Test
    void messagesNameOptions() throws IOException {
        String few = Files.writeString(
                        folder.resolve("few.jsonl"), "{\"id\": \"a\", \"topic\": \"x\", \"ids\": [3, 1]}\n")
                .toString();
        String unnamed = write(
                "unnamed.onnx",
                model(GraphProto.newBuilder()
                        .addInput(value("x", DataType.FLOAT, "unk__314", "4"))
                        .addNode(node("Relu", "y", "x"))
                        .addOutput(value("y", DataType.FLOAT, "unk__314", "4"))));
        List<CommandLineRun> runs = List.of(
                capture(unnamed, "--ids", few, "--out", file("x")),
                capture(unnamed, "--batch", "unk__314", "--ids", few, "--out", file("x")),
                capture(
                        fixed(),
                        "--ids",
                        few,
                        "--sites",
                        "sum",
                        "--position-axis",
                        "4",
                        "--position-axes",
                        "sum=1",
                        "--out",
                        file("y")),
                capture(fixed(), "--ids", few, "--sites", "hidden", "--out", file("z")),
                capture(fixed(), "--ids", few, "--sites", "hidden", "--position-axis", "4", "--out", file("w")));
        assertFailure("say first what the axis unk__314 is: that it is the batch (--batch unk__314)", runs.get(0));
        assertThat(runs.get(0).err()).contains("(--dimension unk__314=N)");
        assertFailure("take no token ids; say which takes them (--input NAME=ROLE)", runs.get(1));
        assertFailure("--input padding_mask=attention_mask, --input padding_mask=padding_mask or", runs.get(2));
        assertFailure("no mask and exactly 4", runs.get(3));
        assertFailure("say which of its axes are positions (--position-axes GLOB=AXES)", runs.get(4));
        for (CommandLineRun run : runs) {
            assertThat(run.err()).doesNotContain("OnnxModel", "InputRole", "Prompt.of");
        }
        CommandLineRun run = capture(
                fixed(),
                "--ids",
                few,
                "--sites",
                "hidden,sum",
                "--position-axis",
                "4",
                "--position-axes",
                "hidden=1",
                "--position-axes",
                "sum=1",
                "--input",
                "padding_mask=padding_mask",
                "--out",
                file("v"));
        assertThat(run.status()).as(run.err()).isZero();
        SafetensorsFile captured = SafetensorsFile.open(folder.resolve("v"));
        float[] hidden = new float[8];
        captured.map("hidden").asFloatBuffer().get(hidden);
        assertThat(hidden).containsExactly(12, 13, 14, 15, 4, 5, 6, 7);
        float[] sum = new float[2];
        captured.map("sum").asFloatBuffer().get(sum);
        assertThat(sum).containsExactly(3, 1);
        assertUsage(
                "'1-2' are no axes; expected are numbers from 0",
                capture(
                        fixed(),
                        "--ids",
                        few,
                        "--position-axis",
                        "4",
                        "--position-axes",
                        "hidden=1-2",
                        "--out",
                        file("x")));
        assertFailure(
                "libnone.so: no such file; expected is a shared library of operators",
                CommandLineRun.of("sites", "--model", fixed(), "--operators", file("libnone.so")));
        String own = write(
                "own.onnx",
                model(GraphProto.newBuilder()
                                .addInput(value("x", DataType.FLOAT, "batch", "4"))
                                .addNode(node("Foo", "y", "x").toBuilder().setDomain("my.own"))
                                .addOutput(value("y", DataType.FLOAT, "batch", "4")))
                        .addOpsetImport(OperatorSetIdProto.newBuilder()
                                .setDomain("my.own")
                                .setVersion(1)));
        assertFailure(
                "my.own:Foo(-1) is not a registered function/op. If it is one of a library of custom operators, give that too"
                        + " (--operators)",
                CommandLineRun.of("sites", "--trust", "--model", own));
        assertUsage(
                "leave --dequantize away, which is for capture",
                CommandLineRun.of("export", "--model", fixed(), "--dequantize", "--out", file("x.onnx")));
        assertFailure(
                "input 'padding_mask' int64 [1, 4] is needed for 'sum'",
                capture(
                        fixed(),
                        "--ids",
                        few,
                        "--position-axis",
                        "4",
                        "--position-axes",
                        "*=1",
                        "--input",
                        "padding_mask=none",
                        "--sites",
                        "sum",
                        "--out",
                        file("u")));
    }
}
