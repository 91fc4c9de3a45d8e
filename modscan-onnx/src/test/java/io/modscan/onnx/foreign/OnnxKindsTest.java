package io.modscan.onnx.foreign;

import static io.modscan.onnx.foreign.HandGraph.graph;
import static io.modscan.onnx.foreign.HandGraph.refusal;
import static io.modscan.onnx.foreign.HandGraph.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.offset;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.Sites;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tensors of all types, what comes out of subgraphs, and what can't be read. */
class OnnxKindsTest {

    private static final float[] X = {0, 1, 2, 3};
    private static final float[] GRID = {0, 0.4f, 0.6f, 1, -1, 2, -2, 3, 4, 5, 6, 7.3f};

    @TempDir
    Path folder;

    private static HandGraph simple(int opset) {
        return HandGraph.opset(opset).input("x", DataType.FLOAT, "batch", "4");
    }

    private static HandGraph grid(int opset) {
        return HandGraph.opset(opset).input("x", DataType.FLOAT, "batch", "3", "4");
    }

    private static Prompt x(float... values) {
        return Prompt.ofTensors(
                "p", Map.of("x", values.length == 4 ? InputTensor.of(values, 4) : InputTensor.of(values, 3, 4)));
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {
                "FLOAT16",
                "BFLOAT16",
                "DOUBLE",
                "INT8",
                "UINT8",
                "INT16",
                "UINT16",
                "INT32",
                "UINT32",
                "INT64",
                "UINT64",
                "BOOL"
            })
    void numbersOfAnyTypeAreReadAsFloats(DataType type) {
        OnnxModel model = simple(17)
                .node("Cast", "x", "y", OnnxProtos.attribute("to", (long) type.getNumber()))
                .open(folder);
        assertThat(HandGraph.tensor(model, "y").type()).isEqualTo(OnnxTypes.name(type.getNumber()));
        assertThat(values(model, "y", x(X)))
                .containsExactly(type == DataType.BOOL ? new float[] {0, 1, 1, 1} : new float[] {0, 1, 2, 3});
    }

    @Test
    void stringsAreRefused() {
        OnnxModel model = simple(17)
                .node("Cast", "x", "y", OnnxProtos.attribute("to", (long) DataType.STRING_VALUE))
                .node("Relu", "x", "z")
                .open(folder);
        assertThat(refusal(model, "y")).contains("string");
        assertThat(values(model, "z", x(X))).containsExactly(X);
        // Who asks for it by name is told why it is not there.
        Probe.Builder probe = Probe.builder(model).sites("y");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(probe::build)
                .withMessageContaining("'y' can't be read: its values are of type string");
    }

    @Test
    void eightBitFloatsAreRefused() {
        OnnxModel model = simple(19)
                .ir(9)
                .node("Cast", "x", "y", OnnxProtos.attribute("to", (long) DataType.FLOAT8E4M3FN_VALUE))
                .node("Relu", "x", "z")
                .open(folder);
        assertThat(refusal(model, "y")).contains("float8e4m3fn");
        assertThat(values(model, "z", x(X))).containsExactly(X);
    }

    /** ONNX Runtime has none. */
    @Test
    void complexNumbersAreRefused() {
        HandGraph graph = HandGraph.opset(17)
                .input("x", DataType.COMPLEX64, "batch", "4")
                .node("Identity", "x", "y")
                .node("Identity", "y", "z");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> graph.open(folder))
                .withMessageContaining(folder.resolve("model.onnx").toString())
                .withMessageContaining("complex64");
    }

    @Test
    void sequencesAreRefusedAndWhatIsTakenFromThemIsRead() {
        OnnxModel model = simple(17)
                .longs("first", new long[] {0})
                .node("Neg", "x", "h")
                .node("SequenceConstruct", "h x", "sequence")
                .node("SequenceAt", "sequence first", "part")
                .node("Relu", "x", "z")
                .open(folder);
        assertThat(refusal(model, "sequence")).contains("of type sequence");
        assertThat(HandGraph.tensor(model, "sequence").type()).isEqualTo("sequence");
        assertThat(values(model, "z", x(X))).containsExactly(X);
        assertThat(values(model, "h", x(X))).containsExactly(-0f, -1, -2, -3);
    }

    @Test
    void optionalValuesAreRefusedAndTheRestIsRead() {
        OnnxModel model = simple(17)
                .node("Optional", "x", "maybe")
                .node("OptionalGetElement", "maybe", "y")
                .node("Relu", "x", "z")
                .open(folder);
        assertThat(refusal(model, "maybe")).contains("optional");
        assertThat(values(model, "z", x(X))).containsExactly(X);
        assertThat(values(model, "y", x(X))).containsExactly(X);
    }

    private static HandGraph branch(String operator) {
        return HandGraph.body()
                .node(operator, "h x", "inner_" + operator)
                .output("inner_" + operator, DataType.FLOAT, "batch", "4");
    }

    private OnnxModel withIf() {
        return simple(13)
                .floats("zero", new float[] {0})
                .node("Exp", "x", "unused")
                .node("Neg", "x", "h")
                .node("ReduceSum", "x", "sum", OnnxProtos.attribute("keepdims", 0L))
                .node("Greater", "sum zero", "positive")
                .node("If", "positive", "y", graph("then_branch", branch("Mul")), graph("else_branch", branch("Add")))
                .open(folder);
    }

    @Test
    void whatAnIfYieldsIsRead() {
        OnnxModel model = withIf();
        assertThat(values(model, "y", x(X))).containsExactly(new float[] {0, -1, -4, -9}, offset(0f));
        assertThat(values(model, "y", x(-1, 0, 0, 0))).containsExactly(new float[] {0, 0, 0, 0}, offset(0f));
    }

    @Test
    void whatIsWithinABodyIsListedWithItsReason() {
        OnnxModel model = withIf();
        assertThat(refusal(model, "inner_Mul")).contains("within the body of 'node of y' (If)");
        assertThat(HandGraph.tensor(model, "inner_Mul").operator()).isEqualTo("Mul");
        assertThat(model.sites()).noneMatch(site -> site.name().startsWith("inner"));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> values(model, "inner_Mul", x(X)))
                .withMessageContaining("inner_Mul");
    }

    @Test
    void whatABodyReadsFromAroundItIsKept() {
        OnnxModel model = withIf();
        Path saved = folder.resolve("saved.onnx");
        model.export().sites(Sites.glob("y")).to(saved);
        assertThat(OnnxFile.read(saved).graph().getNodeList())
                .extracting(node -> node.getOutput(0))
                .containsExactlyInAnyOrder("h", "sum", "positive", "y");
        assertThat(values(OnnxModel.open(saved), "y", x(X))).containsExactly(new float[] {0, -1, -4, -9}, offset(0f));
    }

    @Test
    void whatALoopYieldsIsRead() {
        HandGraph body = HandGraph.body()
                .input("i", DataType.INT64)
                .input("go", DataType.BOOL)
                .input("state", DataType.FLOAT, "batch", "4")
                .node("Identity", "go", "go_on")
                .node("Add", "state h", "next")
                .node("Neg", "next", "each")
                .output("go_on", DataType.BOOL)
                .output("next", DataType.FLOAT, "batch", "4")
                .output("each", DataType.FLOAT, "batch", "4");
        OnnxModel model = simple(13)
                .longs("three", new long[] {3})
                .bytes("true", DataType.BOOL, new byte[] {1})
                .node("Abs", "x", "h")
                .node("Loop", "three true x", "last all", graph("body", body))
                .node("Relu", "last", "z")
                .output("last", DataType.FLOAT, "batch", "4")
                .output("all", DataType.FLOAT, "3", "batch", "4")
                .open(folder);
        assertThat(values(model, "last", x(X))).containsExactly(0, 4, 8, 12);
        assertThat(values(model, "all", x(X)))
                .containsExactly(new float[] {0, -2, -4, -6, 0, -3, -6, -9, 0, -4, -8, -12}, offset(0f));
        // Its shape could change with every turn, and nothing in the file says that it doesn't.
        assertThat(refusal(model, "z")).contains("not known before it is computed");
        assertThat(refusal(model, "next")).contains("(Loop)");
    }

    @Test
    void whatAScanYieldsIsRead() {
        HandGraph body = HandGraph.body()
                .input("state", DataType.FLOAT, "batch", "4")
                .input("row", DataType.FLOAT, "batch", "4")
                .node("Add", "state row", "next")
                .node("Add", "next h", "each")
                .output("next", DataType.FLOAT, "batch", "4")
                .output("each", DataType.FLOAT, "batch", "4");
        OnnxModel model = grid(13).longs("axis", new long[] {1}, 1)
                .node("ReduceSum", "x axis", "h", OnnxProtos.attribute("keepdims", 0L))
                .node(
                        "Scan",
                        "h x",
                        "last all",
                        graph("body", body),
                        OnnxProtos.attribute("num_scan_inputs", 1L),
                        OnnxProtos.attribute("scan_input_axes", new long[] {1}),
                        OnnxProtos.attribute("scan_output_axes", new long[] {1}))
                .open(folder);
        float[] ones = new float[12];
        Arrays.fill(ones, 1);
        assertThat(values(model, "last", x(ones))).containsExactly(6, 6, 6, 6);
        assertThat(values(model, "all", x(ones))).containsExactly(7, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9);
        assertThat(refusal(model, "each")).contains("(Scan)");
    }

    private static HandGraph quantized(int opset) {
        return grid(opset)
                .floats("scale", new float[] {0.5f})
                .bytes("zero", DataType.UINT8, new byte[] {10})
                .longs("flat", new long[] {0, -1}, 2)
                .node("QuantizeLinear", "x scale zero", "q")
                .node("Transpose", "q", "t", OnnxProtos.attribute("perm", new long[] {0, 2, 1}))
                .node("Reshape", "t flat", "r");
    }

    private static final float[] HALVES = {0, 0.5f, 0.5f, 1, -1, 2, -2, 3, 4, 5, 6, 7.5f};

    @ParameterizedTest
    @ValueSource(ints = {10, 13, 19, 21})
    void quantizedNumbersAreReadRawOrAsWhatTheyStandFor(int opset) {
        OnnxModel model = quantized(opset).ir(opset > 17 ? 9 : 8).open(folder);
        assertThat(values(model, "q", x(GRID))).startsWith(10, 11, 11, 12, 8, 14);
        assertThat(values(model.dequantized(), "q", x(GRID))).containsExactly(HALVES);
        assertThat(values(model.dequantized(), "r", x(GRID)))
                .containsExactly(0, -1, 4, 0.5f, 2, 5, 0.5f, -2, 6, 1, 3, 7.5f);
        assertThat(values(model, "r", x(GRID))).startsWith(10, 8, 18);
    }

    @Test
    void aScaleForEachRowIsUsedWhereItsAxisIsKnown() {
        OnnxModel model = grid(13).floats("scale", new float[] {0.5f, 1, 2}, 3)
                .bytes("zero", DataType.INT8, new byte[] {0, 1, 2}, 3)
                .node("QuantizeLinear", "x scale zero", "q", OnnxProtos.attribute("axis", 1L))
                .node("Transpose", "q", "t", OnnxProtos.attribute("perm", new long[] {0, 2, 1}))
                .open(folder)
                .dequantized();
        assertThat(values(model, "q", x(GRID))).containsExactly(0, 0.5f, 0.5f, 1, -1, 2, -2, 3, 4, 4, 6, 8);
        // Where the axis went the graph does not tell: integers, rather than wrong numbers.
        assertThat(values(model, "t", x(GRID))).startsWith(0, 0, 4, 1, 3, 4);
    }

    @Test
    void aScaleOfHalfPrecisionIsTaken() {
        OnnxModel model = HandGraph.opset(19)
                .ir(9)
                .input("x", DataType.FLOAT, "batch", "4")
                .bytes("scale", DataType.FLOAT16, new byte[] {0, 0x38})
                .bytes("zero", DataType.UINT8, new byte[] {10})
                .node("Cast", "x", "half", OnnxProtos.attribute("to", (long) DataType.FLOAT16_VALUE))
                .node("QuantizeLinear", "half scale zero", "q")
                .open(folder);
        assertThat(values(model.dequantized(), "q", x(0, 0.5f, 2, 3))).containsExactly(0, 0.5f, 2, 3);
    }

    @Test
    void scalesThatTheGraphComputesAreUsed() {
        OnnxModel model = simple(13)
                .node("DynamicQuantizeLinear", "x", "q scale zero")
                .node("Identity", "q", "same")
                .open(folder);
        assertThat(values(model, "q", x(X))).containsExactly(0, 85, 170, 255);
        assertThat(values(model.dequantized(), "q", x(X))).containsExactly(X, offset(1e-5f));
        assertThat(values(model.dequantized(), "same", x(X))).containsExactly(X, offset(1e-5f));
    }

    @Test
    void quantizedProductsAreUnderstood() {
        OnnxModel model = simple(13)
                .floats("scale", new float[] {1})
                .floats("out_scale", new float[] {2})
                .bytes("zero", DataType.UINT8, new byte[] {0})
                .bytes("out_zero", DataType.UINT8, new byte[] {100})
                .bytes("w", DataType.UINT8, new byte[] {1, 0, 0, 2, 0, 0, 2, 0}, 4, 2)
                .node("QuantizeLinear", "x scale zero", "q")
                .node("QLinearMatMul", "q scale zero w scale zero out_scale out_zero", "p")
                .open(folder);
        assertThat(values(model, "p", x(X))).containsExactly(103, 101);
        assertThat(values(model.dequantized(), "p", x(X))).containsExactly(6, 2);
    }

    @ParameterizedTest
    @CsvSource({"NonZero, 17", "Unique, 17"})
    void whatHasNoKnownLengthIsRefused(String operator, int opset) {
        OnnxModel model =
                simple(opset).node(operator, "x", "y").node("Relu", "x", "z").open(folder);
        assertThat(refusal(model, "y")).contains("not known before it is computed");
        assertThat(values(model, "z", x(X))).containsExactly(X);
    }

    @Test
    void scalarsAreReadOnDemand() {
        OnnxModel model = simple(13)
                .node("ReduceSum", "x", "sum", OnnxProtos.attribute("keepdims", 0L))
                .open(folder);
        assertThat(HandGraph.tensor(model, "sum").shape())
                .hasValueSatisfying(axes -> assertThat(axes).isEmpty());
        assertThat(model.sites())
                .singleElement()
                .satisfies(site -> assertThat(site.onDemand()).isTrue());
        assertThat(values(model, "sum", x(X))).containsExactly(6);
    }

    @Test
    void constantsAreRefused() {
        OnnxModel model = simple(13)
                .floats("w", X, 4)
                .node("Neg", "w", "n")
                .node("Add", "x n", "y")
                .open(folder);
        assertThat(refusal(model, "n")).contains("the same whatever the input");
        assertThat(refusal(model, "x")).contains("what the model is given");
        assertThat(model.sites()).extracting(site -> site.name()).containsExactly("y");
    }

    @Test
    void anOperatorThatIsNotThereIsTold() {
        OnnxModel model =
                simple(17).node("Relu", "x", "y").node("Neg", "y", "z").open(folder);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(
                        () -> Probe.builder(model).sites(model.operator("relu")).build())
                .withMessageContaining("no tensor is of the operator 'relu'; its operators are [Neg, Relu]");
    }
}
