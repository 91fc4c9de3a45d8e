package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.HandGraph.graph;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.onnx.Forked;
import io.modscan.onnx.internal.graph.OnnxProtos;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that would end the process within ONNX Runtime, or fill its memory: each opened in a process of its own. */
class OnnxBoundsTest {

    @TempDir
    Path folder;

    private final Map<String, Path> files = new LinkedHashMap<>();

    /** Opens files, a session of each too, and prints what became of each. */
    static final class Opens {
        public static void main(String[] files) {
            for (String file : files) {
                long begin = System.nanoTime();
                String outcome;
                try {
                    OnnxModel model = OnnxModel.open(Path.of(file));
                    outcome = "opened " + model;
                    if (!model.sites().isEmpty()) {
                        Probe.builder(model).build().close();
                        outcome = "with a session " + model;
                    }
                } catch (ModscanException e) {
                    outcome = "refused " + String.valueOf(e.getMessage()).replace('\n', ' ');
                }
                System.out.println(Path.of(file).getFileName() + " " + outcome + " in "
                        + (System.nanoTime() - begin) / 1_000_000 + " ms");
            }
        }
    }

    private void write(String name, HandGraph graph) {
        files.put(name, graph.write(folder.resolve(name)));
    }

    private Map<String, String> outcomes() {
        Forked forked = Forked.run(Opens.class, files.values().toArray());
        assertThat(forked.status()).as(forked.output()).isZero();
        Map<String, String> outcomes = new TreeMap<>();
        forked.output().lines().forEach(line -> {
            int blank = line.indexOf(' ');
            if (blank > 0 && files.containsKey(line.substring(0, blank))) {
                outcomes.put(line.substring(0, blank), line.substring(blank + 1));
            }
        });
        assertThat(outcomes).containsOnlyKeys(files.keySet());
        return outcomes;
    }

    private static HandGraph floats() {
        return HandGraph.opset(17).input("x", DataType.FLOAT, "1", "1", "4", "4");
    }

    @Test
    void tensorsOfVeryManyAxesAreRefused() {
        for (String length : List.of("65", "32768", "4611686018427387904")) {
            write(
                    "reshape" + length,
                    floats().input("s", DataType.INT64, length).node("Reshape", "x s", "y"));
            write("expand" + length, floats().input("s", DataType.INT64, length).node("Expand", "x s", "y"));
            write(
                    "constant" + length,
                    HandGraph.opset(17).input("s", DataType.INT64, length).node("ConstantOfShape", "s", "y"));
            for (int opset : new int[] {8, 9, 11}) {
                write(
                        "opset" + opset + "of" + length,
                        HandGraph.opset(opset)
                                .input("x", DataType.FLOAT, "4")
                                .input("s", DataType.INT64, length)
                                .node("Expand", "x s", "y"));
            }
            write(
                    "through" + length,
                    floats().input("s", DataType.FLOAT, length)
                            .node("Cast", "s", "c", OnnxProtos.attribute("to", 7L))
                            .node("Identity", "c", "i")
                            .node("Expand", "x i", "y"));
            write(
                    "unsqueeze" + length,
                    floats().input("s", DataType.INT64, length).node("Unsqueeze", "x s", "y"));
            write("tile" + length, floats().input("s", DataType.INT64, length).node("Tile", "x s", "y"));
            write(
                    "inabody" + length,
                    floats().input("s", DataType.INT64, length)
                            .bytes("c", DataType.BOOL, new byte[] {1})
                            .node(
                                    "If",
                                    "c",
                                    "y",
                                    graph(
                                            "then_branch",
                                            HandGraph.body()
                                                    .node("Expand", "x s", "a")
                                                    .output("a")),
                                    graph(
                                            "else_branch",
                                            HandGraph.body()
                                                    .node("ConstantOfShape", "s", "b")
                                                    .output("b"))));
        }
        HandGraph doubled = HandGraph.opset(17).input("t0", DataType.INT64, "1", "1");
        HandGraph doubledByBodies = HandGraph.opset(17).input("t0", DataType.INT64, "1", "1");
        for (int i = 0; i < 40; i++) {
            doubled.node("Gather", "t" + i + " t" + i, "t" + (i + 1));
            doubledByBodies.node(
                    "If",
                    "c",
                    "t" + (i + 1),
                    graph(
                            "then_branch",
                            HandGraph.body()
                                    .node("Gather", "t" + i + " t" + i, "a" + i)
                                    .output("a" + i)),
                    graph(
                            "else_branch",
                            HandGraph.body().node("Identity", "t" + i, "b" + i).output("b" + i)));
        }
        write("doubled", doubled);
        write("doubledbybodies", doubledByBodies.bytes("c", DataType.BOOL, new byte[] {1}));
        long[] axes = new long[60];
        for (int i = 0; i < axes.length; i++) {
            axes[i] = i;
        }
        HandGraph grown = HandGraph.opset(17).input("t0", DataType.FLOAT, "1").list("axes", axes);
        HandGraph wide =
                HandGraph.opset(17).input("t0", DataType.FLOAT, new String[0]).list("axes", axes);
        for (int i = 0; i < 500; i++) {
            grown.node("Unsqueeze", "t" + i + " axes", "t" + (i + 1));
            wide.node("Unsqueeze", "t0 axes", "w" + i);
        }
        write("grown", grown);
        write("wide", wide);
        Map<String, String> outcomes = outcomes();
        outcomes.forEach((name, outcome) -> {
            if (name.startsWith("unsqueeze") || name.startsWith("tile") || name.startsWith("inabody")) {
                // Whatever the operators' own inference makes of it.
                assertThat(outcome).as(name).isNotEmpty();
            } else if (name.equals("wide")) {
                assertThat(outcome).startsWith("with a session");
            } else {
                assertThat(outcome).as(name).startsWith("refused").contains("axes; at most 64 are handled");
            }
        });
    }

    private static AttributeProto one(String name, long... values) {
        return OnnxProtos.attribute(name, values);
    }

    @Test
    void attributesByWhichOperatorsDivideArePositive() {
        for (long bad : new long[] {0, Long.MIN_VALUE, 1L << 32}) {
            for (String operator : List.of("Conv", "ConvTranspose")) {
                HandGraph convolution = floats().floats("w", new float[] {1}, 1, 1, 1, 1);
                write(
                        operator + "group" + bad,
                        convolution.node(operator, "x w", "y", OnnxProtos.attribute("group", bad)));
                for (String attribute : List.of("strides", "dilations", "kernel_shape")) {
                    write(
                            operator + attribute + bad,
                            floats().floats("w", new float[] {1}, 1, 1, 1, 1)
                                    .node(operator, "x w", "y", one(attribute, bad, bad)));
                }
            }
            for (String operator : List.of("MaxPool", "AveragePool", "LpPool")) {
                write(
                        operator + bad,
                        floats().node(operator, "x", "y", one("kernel_shape", 1, 1), one("strides", 1, bad)));
            }
            write("depth" + bad, floats().node("DepthToSpace", "x", "y", OnnxProtos.attribute("blocksize", bad)));
            write("space" + bad, floats().node("SpaceToDepth", "x", "y", OnnxProtos.attribute("blocksize", bad)));
            write("lrn" + bad, floats().node("LRN", "x", "y", OnnxProtos.attribute("size", bad)));
            write(
                    "split" + bad,
                    HandGraph.opset(18)
                            .input("x", DataType.FLOAT, "4", "4")
                            .node("Split", "x", "y", OnnxProtos.attribute("num_outputs", bad)));
            write(
                    "heads" + bad,
                    HandGraph.opset(17)
                            .domain("com.microsoft", 1)
                            .input("x", DataType.FLOAT, "1", "4", "4")
                            .node(
                                    "com.microsoft.MultiHeadAttention",
                                    "x x x",
                                    "y",
                                    OnnxProtos.attribute("num_heads", bad)));
            write("functioned" + bad, functioned(OnnxProtos.attribute("g", bad)));
        }
        outcomes()
                .forEach((name, outcome) ->
                        assertThat(outcome).as(name).startsWith("refused").contains("must be from 1"));
    }

    /** A convolution in a function, which is given its group under another name. */
    private static HandGraph functioned(AttributeProto given) {
        HandGraph graph = floats().domain("f", 1)
                .floats("w", new float[] {1}, 1, 1, 1, 1)
                .node("f.Convolution", "x w", "y", given);
        return graph.function(function -> function.setName("Convolution")
                .setDomain("f")
                .addInput("a")
                .addInput("b")
                .addOutput("c")
                .addAttribute("g")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
                .addNode(NodeProto.newBuilder()
                        .setOpType("ConvTranspose")
                        .addInput("a")
                        .addInput("b")
                        .addOutput("c")
                        .addAttribute(AttributeProto.newBuilder()
                                .setName("group")
                                .setType(AttributeProto.AttributeType.INT)
                                .setRefAttrName("g"))));
    }

    @Test
    void functionsThatWouldBeMillionsOfNodesAreRefused() {
        HandGraph graph = floats().domain("f", 1).node("f.f40", "x", "y");
        for (int i = 0; i <= 40; i++) {
            String called = "f" + (i - 1);
            int level = i;
            graph.function(function -> {
                function.setName("f" + level)
                        .setDomain("f")
                        .addInput("a")
                        .addOutput("c")
                        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
                        .addOpsetImport(
                                OperatorSetIdProto.newBuilder().setDomain("f").setVersion(1));
                if (level == 0) {
                    function.addNode(NodeProto.newBuilder()
                            .setOpType("Abs")
                            .addInput("a")
                            .addOutput("c"));
                } else {
                    function.addNode(NodeProto.newBuilder()
                                    .setDomain("f")
                                    .setOpType(called)
                                    .addInput("a")
                                    .addOutput("b"))
                            .addNode(NodeProto.newBuilder()
                                    .setDomain("f")
                                    .setOpType(called)
                                    .addInput("b")
                                    .addOutput("c"));
                }
            });
        }
        write("laughs", graph);
        write(
                "circle",
                floats().domain("f", 1)
                        .node("f.f", "x", "y")
                        .function(function -> function.setName("f")
                                .setDomain("f")
                                .addInput("a")
                                .addOutput("c")
                                .addOpsetImport(OperatorSetIdProto.newBuilder()
                                        .setDomain("f")
                                        .setVersion(1))
                                .addNode(NodeProto.newBuilder()
                                        .setDomain("f")
                                        .setOpType("f")
                                        .addInput("a")
                                        .addOutput("c"))));
        Map<String, String> outcomes = outcomes();
        assertThat(outcomes.get("laughs")).contains("too many to be handled");
        assertThat(outcomes.get("circle")).contains("calls itself");
    }

    @Test
    void integersAreNotDividedWhereThatEndsTheProcess() {
        long lowest = Long.MIN_VALUE;
        for (String operator : List.of("Div", "Mod")) {
            write(
                    operator + "-1",
                    ids().longs("a", new long[] {lowest})
                            .longs("b", new long[] {-1})
                            .node(operator, "a b", "q")
                            .node("Add", "input_ids q", "y"));
            write(
                    operator + "0",
                    ids().longs("a", new long[] {7})
                            .longs("b", new long[] {0})
                            .node(operator, "a b", "q")
                            .node("Add", "input_ids q", "y"));
            write(
                    operator + "list0",
                    ids().list("a", 7, 7)
                            .list("b", 3, 0)
                            .node(operator, "a b", "q")
                            .node("ReduceSum", "q", "r", OnnxProtos.attribute("keepdims", 0L))
                            .node("Add", "input_ids r", "y"));
            write(
                    operator + "computed0",
                    ids().longs("a", new long[] {7})
                            .node("Sub", "a a", "b")
                            .node(operator, "a b", "q")
                            .node("Add", "input_ids q", "y"));
            write(
                    operator + "computed-1",
                    ids().longs("a", new long[] {lowest})
                            .longs("one", new long[] {1})
                            .node("Neg", "one", "b")
                            .node(operator, "a b", "q")
                            .node("Add", "input_ids q", "y"));
            write(
                    operator + "computedlowest",
                    ids().longs("a", new long[] {lowest + 1})
                            .longs("one", new long[] {1})
                            .longs("b", new long[] {-1})
                            .node("Sub", "a one", "c")
                            .node(operator, "c b", "q")
                            .node("Add", "input_ids q", "y"));
            write(
                    operator + "int32",
                    ids().bytes("a", DataType.INT32, new byte[] {0, 0, 0, (byte) 0x80})
                            .bytes("b", DataType.INT32, new byte[] {-1, -1, -1, -1})
                            .node(operator, "a b", "q")
                            .node("Cast", "q", "c", OnnxProtos.attribute("to", 7L))
                            .node("Add", "input_ids c", "y"));
            write(
                    operator + "cast",
                    ids().floats("f", new float[] {0.5f})
                            .node("Cast", "f", "b", OnnxProtos.attribute("to", 7L))
                            .longs("a", new long[] {7})
                            .node(operator, "a b", "q")
                            .node("Add", "input_ids q", "y"));
            write(
                    operator + "shape",
                    ids().floats("empty", new float[0], 0)
                            .node("Shape", "empty", "b")
                            .list("a", 7)
                            .node(operator, "a b", "q")
                            .node("Add", "input_ids q", "y"));
            write(
                    operator + "inabody",
                    ids().bytes("c", DataType.BOOL, new byte[] {1})
                            .longs("a", new long[] {7})
                            .longs("b", new long[] {0})
                            .node(
                                    "If",
                                    "c",
                                    "q",
                                    graph(
                                            "then_branch",
                                            HandGraph.body()
                                                    .node(operator, "a b", "t")
                                                    .output("t")),
                                    graph(
                                            "else_branch",
                                            HandGraph.body()
                                                    .node("Identity", "a", "e")
                                                    .output("e")))
                            .node("Add", "input_ids q", "y"));
        }
        assertThat(outcomes()).hasSize(20);
    }

    private static HandGraph ids() {
        return HandGraph.opset(17).input("input_ids", DataType.INT64, "b", "s");
    }

    /** Runs a division of what is given. */
    static final class Divides {
        public static void main(String[] arguments) {
            OnnxModel model = OnnxModel.open(Path.of(arguments[0]));
            for (String divisor : List.of("2", "0", "-1")) {
                Prompt prompt = Prompt.ofTensors(
                        "p",
                        Map.of(
                                "a",
                                InputTensor.of(new long[] {Long.MIN_VALUE, 7}, 2),
                                "b",
                                InputTensor.of(new long[] {Long.parseLong(divisor), 2}, 2)));
                try {
                    System.out.println(HandGraph.values(model, "y", prompt)[1]);
                } catch (ModscanException e) {
                    System.out.println(String.valueOf(e.getMessage()).replace('\n', ' '));
                }
            }
        }
    }

    @Test
    void whatIsGivenDividesNothingByZeroEither() {
        for (String operator : List.of("Div", "Mod")) {
            Path file = HandGraph.opset(17)
                    .input("a", DataType.INT64, "batch", "2")
                    .input("b", DataType.INT64, "batch", "2")
                    .node(operator, "a b", "y")
                    .write(folder.resolve(operator));
            Forked forked = Forked.run(Divides.class, file);
            assertThat(forked.status()).as(forked.output()).isZero();
            List<String> lines = forked.output()
                    .lines()
                    .filter(line -> !line.contains("E:onnxruntime"))
                    .toList();
            assertThat(lines).hasSize(3);
            assertThat(lines.get(0)).isEqualTo(operator.equals("Div") ? "3.0" : "1.0");
            assertThat(lines.subList(1, 3)).allSatisfy(line -> assertThat(line).contains("division by 0"));
        }
    }

    @Test
    void constantsOfGigabytesAreNotComputed() {
        HandGraph huge = ids().longs("s", new long[] {1L << 31}, 1).node("ConstantOfShape", "s", "big");
        HandGraph product = ids().list("s", 20_000, 20_000)
                .node("ConstantOfShape", "s", "big")
                .node("MatMul", "big big", "p");
        HandGraph spread = ids().list("s", 1, 1, 1L << 32)
                .node("Unsqueeze", "input_ids last", "u")
                .list("last", 2)
                .node("Expand", "u s", "big");
        for (HandGraph graph : List.of(huge, product, spread)) {
            OnnxModel model = graph.node("ReduceMax", "big", "r", OnnxProtos.attribute("keepdims", 0L))
                    .node("Cast", "r", "c", OnnxProtos.attribute("to", 7L))
                    .node("Add", "input_ids c", "y")
                    .open(folder);
            assertThatThrownBy(() -> Probe.builder(model).sites("y").build().close())
                    .isInstanceOf(ModscanException.class)
                    .hasMessageContainingAll("'big'", "values whatever is given");
        }
    }

    /** Opens a probe, cuts a file of weights off, and captures. */
    static final class Truncates {
        public static void main(String[] arguments) throws IOException {
            Prompts prompts =
                    Prompts.of(List.of(Prompt.ofTensors("p", Map.of("x", InputTensor.of(new float[] {0.5f}, 1)))));
            try (Probe probe =
                    Probe.builder(OnnxModel.open(Path.of(arguments[0]))).build()) {
                System.out.println(probe.capture(prompts).prompts().size());
                try (FileChannel weights = FileChannel.open(Path.of(arguments[1]), StandardOpenOption.WRITE)) {
                    weights.truncate(4096);
                }
                probe.capture(prompts);
            } catch (ModscanException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    void weightsThatAreCutOffAreMissedBeforeTheNextRun() throws IOException {
        int size = 4 << 20;
        Path data = Files.write(folder.resolve("data"), new byte[size]);
        Path file = HandGraph.opset(17)
                .input("x", DataType.FLOAT, "batch", "1")
                .external("w", Map.of("location", "data"), size / 4)
                .node("Mul", "x w", "wide")
                .node("ReduceSum", "wide", "y")
                .write(folder.resolve("model.onnx"));
        Forked forked = Forked.run(Truncates.class, file, data);
        assertThat(forked.status()).as(forked.output()).isZero();
        assertThat(forked.output()).startsWith("1\n").contains(data.toString(), "has 4096 bytes", "end at " + size);
    }

    @Test
    void aFileOfManyEmptyMessagesIsRefusedBeforeItFillsTheHeap() throws IOException {
        byte[] empty = new byte[40_000_000];
        // A field 1 (of a graph: a node), or 5 (of a graph: an initializer, of a node: an attribute), of no bytes.
        for (int field : new int[] {1, 2, 5, 11, 13}) {
            for (int i = 0; i < empty.length; i += 2) {
                empty[i] = (byte) ((field << 3) | 2);
            }
            ByteString content = ByteString.copyFrom(empty);
            Path inGraph = folder.resolve("graph" + field);
            Files.write(inGraph, model(OnnxHostileTest.enclosed(7, content)));
            files.put("graph" + field, inGraph);
            Path inNode = folder.resolve("node" + field);
            Files.write(inNode, model(OnnxHostileTest.enclosed(7, OnnxHostileTest.enclosed(1, content))));
            files.put("node" + field, inNode);
        }
        outcomes()
                .forEach((name, outcome) ->
                        assertThat(outcome).as(name).startsWith("refused").doesNotContain("OutOfMemory"));
    }

    private static byte[] model(ByteString graph) {
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
                .build()
                .toByteString()
                .concat(graph)
                .toByteArray();
    }
}
