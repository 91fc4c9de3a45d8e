package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Named.named;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.Activations;
import io.modscan.core.Probe;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.net.URI;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a graph computes over a whole batch must not tell a prompt what company it was in. */
class MixingTest {

    private static final Prompts PROMPTS = Prompts.of(
            List.of(Prompt.ofTokens("a", 1, 2, 3), Prompt.ofTokens("b", 12, 4, 5), Prompt.ofTokens("c", 8, 14, 3)));

    @TempDir
    private Path folder;

    /** Each ends in {@code y}, of which rows hang on each other. */
    static Stream<Arguments> mixing() {
        return Stream.of(
                arguments(named(
                        "mean of the batch",
                        mixing(graph -> graph.list("axis", 0)
                                .node("ReduceSum", "hidden axis", "sum", OnnxProtos.attribute("keepdims", 1L))
                                .node("Sub", "hidden sum", "y")))),
                arguments(named(
                        "softmax over rows",
                        mixing(graph -> graph.node("Softmax", "hidden", "y", OnnxProtos.attribute("axis", 0L))))),
                arguments(named(
                        "softmax over rows behind",
                        mixing(graph -> graph.node(
                                        "Transpose", "hidden", "turned", OnnxProtos.attribute("perm", new long[] {
                                            1, 0, 2
                                        }))
                                .node("Softmax", "turned", "shares", OnnxProtos.attribute("axis", -2L))
                                .node("Transpose", "shares", "y", OnnxProtos.attribute("perm", new long[] {1, 0, 2
                                }))))),
                arguments(named(
                        "sum of rows so far",
                        mixing(graph -> graph.longs("axis", new long[] {0}).node("CumSum", "hidden axis", "y")))),
                arguments(named(
                        "batch normalization",
                        mixing(graph -> graph.floats("ones", new float[] {1, 1, 1, 1}, 4)
                                .node("Transpose", "hidden", "channels", OnnxProtos.attribute("perm", new long[] {
                                    0, 2, 1
                                }))
                                .node(
                                        "BatchNormalization",
                                        "channels ones ones ones ones",
                                        "normal mean_out variance_out",
                                        OnnxProtos.attribute("training_mode", 1L))
                                .node("Transpose", "normal", "y", OnnxProtos.attribute("perm", new long[] {0, 2, 1
                                }))))),
                arguments(named(
                        "number of the row",
                        mixing(graph -> graph.node("Shape", "input_ids", "shape")
                                .longs("zero", new long[] {0})
                                .longs("one", new long[] {1})
                                .node("Gather", "shape zero", "rows", OnnxProtos.attribute("axis", 0L))
                                .node("Range", "zero rows one", "numbers")
                                .node("Cast", "numbers", "reals", OnnxProtos.attribute("to", 1L))
                                .list("column", -1, 1, 1)
                                .node("Reshape", "reals column", "of_row")
                                .node("Add", "hidden of_row", "y")))),
                arguments(named(
                        "a branch for all",
                        mixing(graph -> graph.list("axes", 0, 1, 2)
                                .node("ReduceMax", "hidden", "largest", OnnxProtos.attribute("keepdims", 0L))
                                // Only prompt c has values above it.
                                .floats("limit", new float[] {2.98f})
                                .floats("two", new float[] {2}, 1)
                                .node("Greater", "largest limit", "is_large")
                                .node(
                                        "If",
                                        "is_large",
                                        "y",
                                        HandGraph.graph(
                                                "then_branch",
                                                HandGraph.body()
                                                        .node("Mul", "hidden two", "t")
                                                        .output("t")),
                                        HandGraph.graph(
                                                "else_branch",
                                                HandGraph.body()
                                                        .node("Neg", "hidden", "e")
                                                        .output("e")))))));
    }

    private static UnaryOperator<HandGraph> mixing(UnaryOperator<HandGraph> behind) {
        return behind;
    }

    private static Activations capture(OnnxModel model, int tokens) {
        try (Probe probe = Probe.builder(model).sites("y").tokenBudget(tokens).build()) {
            return probe.capture(PROMPTS);
        }
    }

    @ParameterizedTest
    @MethodSource("mixing")
    void rowsThatHangOnOthersAreRunAlone(UnaryOperator<HandGraph> behind) {
        OnnxModel model = behind.apply(HandGraph.text(17, false)).open(folder);
        Activations together = capture(model, 1000);
        Activations alone = capture(model, 1);
        for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
            assertThat(together.at("y").row(prompt)).isEqualTo(alone.at("y").row(prompt));
        }
    }

    private static OnnxPlan plan(Path path, OnnxModel model, String site, Pooling pooling) {
        OnnxFile file = OnnxFile.read(path);
        OnnxInputs inputs = OnnxInputs.of(file, OnnxInputs.Said.nothing());
        OnnxSites sites = new OnnxSites(
                file,
                inputs,
                OnnxShapes.infer(file, inputs, RuntimeOptions.cpu(), Optional.empty()),
                (tensor, layer) -> OptionalInt.empty());
        return new OnnxPlan(
                file, inputs, model.plan(List.of(new Selection(Sites.glob(site), pooling))), sites.recipes(), false);
    }

    /** Else every model would be run a prompt at a time. */
    @Test
    void whatKeepsRowsApartIsRunTogether() {
        OnnxModel model = HandGraph.text(17, false)
                .list("last", -1)
                .longs("zero", new long[] {0})
                .node("ReduceSum", "hidden last", "sum", OnnxProtos.attribute("keepdims", 1L))
                .node("Sub", "hidden sum", "centred")
                .node("Softmax", "centred", "shares", OnnxProtos.attribute("axis", -1L))
                .node("LayerNormalization", "shares ones", "normal", OnnxProtos.attribute("axis", -1L))
                .floats("ones", new float[] {1, 1, 1, 1}, 4)
                .longs("one", new long[] {1})
                .node("CumSum", "attention_mask one", "counts")
                .node("Gather", "normal zero", "first", OnnxProtos.attribute("axis", 1L))
                .node("Unsqueeze", "first one_list", "firsts")
                .list("one_list", 1)
                .node("Add", "normal firsts", "sums")
                .node("Cast", "counts", "reals", OnnxProtos.attribute("to", 1L))
                .node("Unsqueeze", "reals last", "column")
                .node("Mul", "sums column", "y")
                .open(folder);
        OnnxPlan plan = plan(folder.resolve("model.onnx"), model, "y", Pooling.mean());
        assertThat(plan.alone()).isFalse();
    }

    /** What has to be lowest is then only low, and the Softmax sees padding. */
    @Test
    void aQuantizedMaskLetsPaddingIn() {
        OnnxModel model = HandGraph.text(17, false)
                .node("Cast", "attention_mask", "real", OnnxProtos.attribute("to", 1L))
                .floats("one", new float[] {1})
                .floats("lowest", new float[] {-1e30f})
                .node("Sub", "one real", "padding")
                .node("Mul", "padding lowest", "added")
                .list("last", -1)
                .node("ReduceSum", "hidden last", "scores", OnnxProtos.attribute("keepdims", 0L))
                .node("Add", "scores added", "masked")
                .floats("scale", new float[] {0.1f})
                .bytes("zero", DataType.INT8, new byte[] {0})
                .node("QuantizeLinear", "masked scale zero", "whole")
                .node("DequantizeLinear", "whole scale zero", "rounded")
                .node("Softmax", "rounded", "y", OnnxProtos.attribute("axis", -1L))
                .open(folder);
        Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 1), Prompt.ofTokens("b", 12, 4, 5, 9)));
        for (int tokens : new int[] {1, 1000}) {
            try (Probe probe =
                    Probe.builder(model).sites("y").tokenBudget(tokens).build()) {
                assertThat(probe.capture(prompts).at("y").row(0).get(0)).isEqualTo(1);
            }
        }
    }

    /** A mask that attention heeds says nothing of a mean that does not. */
    @ParameterizedTest
    @ValueSource(strings = {"ReduceMean", "ReduceMax"})
    void whatIsComputedOfAllPositionsIsRunAlone(String reduce) {
        OnnxModel model = HandGraph.text(17, false)
                .list("axis", 1)
                .list("last", -1)
                .node("Cast", "attention_mask", "real", OnnxProtos.attribute("to", 1L))
                .node("Unsqueeze", "real last", "column")
                .node("Mul", "hidden column", "masked")
                .node(
                        reduce,
                        "masked",
                        "y",
                        OnnxProtos.attribute("axes", new long[] {1}),
                        OnnxProtos.attribute("keepdims", 1L))
                .node("Sub", "hidden y", "centred")
                .open(folder);
        Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 1, 9), Prompt.ofTokens("b", 12, 4, 5, 9, 3, 14)));
        for (String site : List.of("y", "centred")) {
            try (Probe together =
                            Probe.builder(model).sites(site).tokenBudget(1000).build();
                    Probe alone =
                            Probe.builder(model).sites(site).tokenBudget(1).build()) {
                assertThat(together.capture(prompts).at(site).row(0))
                        .isEqualTo(alone.capture(prompts).at(site).row(0));
            }
        }
    }

    private static final Prompts LONG_AND_SHORT = Prompts.of(List.of(
            Prompt.ofTokens("short", 3, 9), Prompt.ofTokens("long", 12, 4, 5, 9, 3, 14), Prompt.ofTokens("one", 1)));

    /** What each prompt has for a site, in a batch of all and by itself. */
    private static void assertAloneAsInCompany(OnnxModel model, Prompts prompts, String... sites) {
        try (Probe together =
                        Probe.builder(model).sites(sites).tokenBudget(1000).build();
                Probe alone = Probe.builder(model).sites(sites).tokenBudget(1).build()) {
            Activations company = together.capture(prompts);
            for (int prompt = 0; prompt < prompts.size(); prompt++) {
                Activations single = alone.capture(Prompts.of(List.of(prompts.get(prompt))));
                for (String site : sites) {
                    assertSame(
                            site, company.at(site).row(prompt), single.at(site).row(0));
                }
            }
        }
    }

    private static void assertSame(String site, FloatBuffer company, FloatBuffer alone) {
        double largest = 0;
        for (int i = 0; i < alone.remaining(); i++) {
            largest = Math.max(largest, Math.abs(alone.get(i)));
        }
        assertThat(company.remaining()).as(site).isEqualTo(alone.remaining());
        for (int i = 0; i < alone.remaining(); i++) {
            assertThat(company.get(i)).as("%s, value %d", site, i).isCloseTo(alone.get(i), within((float)
                    Math.max(1e-7, 2e-5 * largest)));
        }
    }

    private static OnnxModel resource(String name) {
        return OnnxModel.open(Path.of(
                URI.create(Objects.requireNonNull(MixingTest.class.getResource("/mixing/" + name + ".onnx"), name)
                        .toString())));
    }

    /** Encoders whose attention heeds the mask, with something behind it that does not. */
    @ParameterizedTest
    @CsvSource({"bert_bilstm, logits", "bert_conv, conv_out", "bert_maxpool, pool_out"})
    void whatWorksAlongPositionsIsRunUnpadded(String name, String last) {
        OnnxModel model = resource(name);
        assertAloneAsInCompany(model, LONG_AND_SHORT, last);
        List<String> others = model.sites().stream()
                .filter(site -> site.hasPositions())
                .map(site -> site.name())
                .toList();
        // Whatever else is asked for.
        for (String other : others.subList(Math.max(0, others.size() - 3), others.size())) {
            if (!other.equals(last)) {
                assertAloneAsInCompany(model, LONG_AND_SHORT, last, other);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"batch_flip", "batch_lstm", "func_batchmix", "func_dynq", "loop_batchmix"})
    void samplesThatWouldMeetAreRunAlone(String name) {
        Prompts samples = Prompts.of(IntStream.range(0, 3)
                .mapToObj(number -> {
                    float[] values = new float[8];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) Math.sin(number * 8 + i + 1);
                    }
                    return Prompt.ofTensors("sample " + number, Map.of("x", InputTensor.of(values, 8)));
                })
                .toList());
        assertAloneAsInCompany(resource(name), samples, "y");
    }

    private static Arguments along(String name, UnaryOperator<HandGraph> behind) {
        return arguments(named(name, behind));
    }

    private static AttributeProto string(String name, String value) {
        return RandomGraph.string(name, value);
    }

    /** The hidden values as [batch, units, positions]. */
    private static HandGraph channels(HandGraph graph) {
        return graph.node("Transpose", "hidden", "channels", OnnxProtos.attribute("perm", new long[] {0, 2, 1}));
    }

    /** The mask, 0 at real tokens and some number at padding, [batch, 1, positions]. */
    private static HandGraph added(HandGraph graph, float padding) {
        return graph.node("Cast", "attention_mask", "real", OnnxProtos.attribute("to", 1L))
                .list("middle", 1)
                .node("Unsqueeze", "real middle", "line")
                .floats("unit", new float[] {1})
                .floats("lowest", new float[] {padding})
                .node("Sub", "unit line", "absent")
                .node("Mul", "absent lowest", "added");
    }

    private static HandGraph scores(HandGraph graph) {
        return channels(graph).node("MatMul", "hidden channels", "scores");
    }

    private static HandGraph shares(HandGraph graph) {
        return graph.node("Softmax", "masked", "shares", OnnxProtos.attribute("axis", -1L))
                .node("MatMul", "shares hidden", "y");
    }

    /** Each ends in {@code y}, which sees padding. */
    static Stream<Arguments> seeingPadding() {
        return Stream.of(
                along(
                        "wide convolution",
                        graph -> channels(graph)
                                .floats("kernel", RandomGraph.dyadic(new Random(3), 48), 4, 4, 3)
                                .node(
                                        "Conv",
                                        "channels kernel",
                                        "y",
                                        OnnxProtos.attribute("kernel_shape", new long[] {3}),
                                        OnnxProtos.attribute("pads", new long[] {1, 1}))),
                along(
                        "mean of neighbours",
                        graph -> channels(graph)
                                .node(
                                        "AveragePool",
                                        "channels",
                                        "y",
                                        OnnxProtos.attribute("kernel_shape", new long[] {3}),
                                        OnnxProtos.attribute("pads", new long[] {1, 1}),
                                        OnnxProtos.attribute("count_include_pad", 1L))),
                along(
                        "normalized over positions",
                        graph -> channels(graph)
                                .floats("ones", new float[] {1, 1, 1, 1}, 4)
                                .node("InstanceNormalization", "channels ones ones", "y")),
                along(
                        "GRU backwards",
                        graph -> graph.node(
                                        "Transpose", "hidden", "steps", OnnxProtos.attribute("perm", new long[] {1, 0, 2
                                        }))
                                .floats("w", RandomGraph.dyadic(new Random(4), 24), 1, 6, 4)
                                .floats("r", RandomGraph.dyadic(new Random(5), 12), 1, 6, 2)
                                .node(
                                        "GRU",
                                        "steps w r",
                                        "y",
                                        OnnxProtos.attribute("hidden_size", 2L),
                                        string("direction", "reverse"))),
                along(
                        "last state",
                        graph -> graph.node(
                                        "Transpose", "hidden", "steps", OnnxProtos.attribute("perm", new long[] {1, 0, 2
                                        }))
                                .floats("w", RandomGraph.dyadic(new Random(4), 8), 1, 2, 4)
                                .floats("r", RandomGraph.dyadic(new Random(5), 4), 1, 2, 2)
                                .node("RNN", "steps w r", "_ y", OnnxProtos.attribute("hidden_size", 2L))),
                along(
                        "softmax without a mask",
                        graph -> graph.node("Softmax", "hidden", "y", OnnxProtos.attribute("axis", 1L))),
                along(
                        "attention without a mask",
                        graph -> scores(graph)
                                .node("Softmax", "scores", "shares", OnnxProtos.attribute("axis", -1L))
                                .node("MatMul", "shares hidden", "y")),
                along(
                        "attention whose mask is weak",
                        graph -> added(scores(graph), -2)
                                .node("Add", "scores added", "masked")
                                .node("Softmax", "masked", "shares", OnnxProtos.attribute("axis", -1L))
                                .node("MatMul", "shares hidden", "y")),
                along(
                        "attention whose mask is low by a computed penalty",
                        graph -> shares(added(scores(graph), -2)
                                .node("Neg", "unit", "minus")
                                .node("Mul", "minus unit", "penalty")
                                .node("Mul", "absent penalty", "weak")
                                .node("Add", "scores weak", "masked"))),
                along(
                        "attention whose mask is clipped",
                        graph -> shares(added(scores(graph), -10000)
                                .floats("least", new float[] {-2})
                                .node("Max", "added least", "weak")
                                .node("Add", "scores weak", "masked"))),
                along(
                        "attention whose mask is made small",
                        graph -> shares(added(scores(graph), -10000)
                                .floats("many", new float[] {-5000})
                                .node("Mul", "many unit", "large")
                                .node("Div", "added large", "weak")
                                .node("Add", "scores weak", "masked"))),
                along(
                        "attention whose mask is cast to few bits",
                        graph -> shares(added(scores(graph), -10000)
                                .node("Cast", "added", "bits", OnnxProtos.attribute("to", 3L))
                                .node("Cast", "bits", "weak", OnnxProtos.attribute("to", 1L))
                                .node("Add", "scores weak", "masked"))),
                along(
                        "attention whose mask is cast to whole numbers",
                        graph -> shares(added(scores(graph), 0.5f)
                                .node("Cast", "added", "whole", OnnxProtos.attribute("to", 7L))
                                .node("Cast", "whole", "back", OnnxProtos.attribute("to", 1L))
                                .floats("low", new float[] {-10000})
                                .node("Mul", "back low", "weak")
                                .node("Add", "scores weak", "masked"))),
                along(
                        "attention whose mask is factor",
                        graph -> added(scores(graph), -10000)
                                .node("Mul", "scores line", "masked")
                                .node("Softmax", "masked", "shares", OnnxProtos.attribute("axis", -1L))
                                .node("MatMul", "shares hidden", "y")),
                along(
                        "attention whose mask is of queries",
                        graph -> added(scores(graph), -10000)
                                .node("Transpose", "added", "of_queries", OnnxProtos.attribute("perm", new long[] {
                                    0, 2, 1
                                }))
                                .node("Add", "scores of_queries", "masked")
                                .node("Softmax", "masked", "shares", OnnxProtos.attribute("axis", -1L))
                                .node("MatMul", "shares hidden", "y")),
                along(
                        "sum from the end",
                        graph -> graph.longs("axis", new long[] {1})
                                .node("CumSum", "hidden axis", "y", OnnxProtos.attribute("reverse", 1L))),
                along(
                        "turned about",
                        graph -> graph.list("from", -1)
                                .list("to", -99)
                                .list("axis", 1)
                                .list("step", -1)
                                .node("Slice", "hidden from to axis step", "y")),
                along(
                        "last position",
                        graph -> graph.longs("minus", new long[] {-1})
                                .node("Gather", "hidden minus", "y", OnnxProtos.attribute("axis", 1L))),
                along(
                        "largest position",
                        graph -> graph.node("ArgMax", "hidden", "y", OnnxProtos.attribute("axis", 1L))),
                along("shifted", graph -> graph.list("pads", 0, 1, 0, 0, -1, 0).node("Pad", "hidden pads", "y")),
                along(
                        "scaled by the length",
                        graph -> graph.longs("at", new long[] {1})
                                .node("Shape", "input_ids", "shape")
                                .node("Gather", "shape at", "length")
                                .node("Cast", "length", "real_length", OnnxProtos.attribute("to", 1L))
                                .node("Div", "hidden real_length", "y")),
                along(
                        "in a body",
                        graph -> graph.longs("seven", new long[] {7})
                                .node("Cast", "seven", "always", OnnxProtos.attribute("to", 9L))
                                .node(
                                        "If",
                                        "always",
                                        "y",
                                        HandGraph.graph(
                                                "then_branch",
                                                HandGraph.body()
                                                        .node(
                                                                "ReduceMax",
                                                                "hidden",
                                                                "top",
                                                                OnnxProtos.attribute("axes", new long[] {1}))
                                                        .node("Sub", "hidden top", "t")
                                                        .output("t")),
                                        HandGraph.graph(
                                                "else_branch",
                                                HandGraph.body()
                                                        .node("Neg", "hidden", "e")
                                                        .output("e")))));
    }

    @ParameterizedTest
    @MethodSource("seeingPadding")
    void whatSeesPaddingIsRunUnpadded(UnaryOperator<HandGraph> behind) {
        OnnxModel model = behind.apply(HandGraph.text(17, false))
                .node("Cast", "y", "z", OnnxProtos.attribute("to", 1L))
                .open(folder);
        for (GraphTensor tensor : model.tensors()) {
            if (tensor.refusal().isEmpty()
                    && (tensor.name().equals("y") || tensor.name().equals("z"))) {
                OnnxPlan plan = plan(folder.resolve("model.onnx"), model, tensor.name(), Pooling.none());
                assertThat(plan.alone()).isTrue();
                assertThat(plan.whyAlone().orElseThrow())
                        .containsPattern("not known to keep (padding from real tokens|the rows of a batch apart)");
                assertAloneAsInCompany(model, LONG_AND_SHORT, tensor.name());
            }
        }
    }

    /** Attention as exporters write it. Each ends in {@code y}. */
    static Stream<Arguments> heedingTheMask() {
        UnaryOperator<HandGraph> shares =
                graph -> graph.node("Softmax", "masked", "shares", OnnxProtos.attribute("axis", -1L))
                        .node("MatMul", "shares hidden", "y");
        return Stream.of(
                along(
                        "added",
                        graph -> shares.apply(added(scores(graph), -10000).node("Add", "scores added", "masked"))),
                along(
                        "chosen",
                        graph -> shares.apply(added(scores(graph), -1e30f)
                                .node("Cast", "line", "is_real", OnnxProtos.attribute("to", 9L))
                                .node("Where", "is_real scores lowest", "masked"))),
                along(
                        "taken from the scores",
                        graph -> shares.apply(added(scores(graph), 65500).node("Sub", "scores added", "masked"))),
                along(
                        "expanded, and looking back only",
                        graph -> shares.apply(added(scores(graph), -1e9f)
                                .longs("at", new long[] {1})
                                .longs("zero", new long[] {0})
                                .longs("step", new long[] {1})
                                .list("last_axis", 1)
                                .list("first_axis", 0)
                                .node("Shape", "input_ids", "shape")
                                .node("Gather", "shape at", "length")
                                .node("Range", "zero length step", "numbers")
                                .node("Unsqueeze", "numbers last_axis", "queries")
                                .node("Unsqueeze", "numbers first_axis", "keys")
                                .node("LessOrEqual", "keys queries", "back")
                                .node("Cast", "line", "is_real", OnnxProtos.attribute("to", 9L))
                                .node("And", "back is_real", "seen")
                                .floats("none", new float[] {0})
                                .node("Where", "seen none lowest", "all_added")
                                .node("Add", "scores all_added", "masked"))),
                along(
                        "written into a mask",
                        graph -> shares.apply(added(scores(graph), -1e9f)
                                // What PyTorch's exporter makes of mask[:, :, :n] = …
                                .longs("at0", new long[] {0})
                                .longs("at1", new long[] {1})
                                .longs("step", new long[] {1})
                                .list("minus1_1_1", -1, 1, 1)
                                .list("one_minus1_1", 1, -1, 1)
                                .list("one_one_minus1", 1, 1, -1)
                                .list("end", 3)
                                .node("Shape", "scores", "shape")
                                .node("Gather", "shape at0", "rows")
                                .node("Gather", "shape at1", "length")
                                .node("Range", "at0 rows step", "row_numbers")
                                .node("Range", "at0 length step", "numbers")
                                .node("Reshape", "row_numbers minus1_1_1", "n0")
                                .node("Reshape", "numbers one_minus1_1", "n1")
                                .node("Reshape", "numbers one_one_minus1", "n2")
                                .node("Expand", "n0 shape", "e0")
                                .node("Expand", "n1 shape", "e1")
                                .node("Expand", "n2 shape", "e2")
                                .node("Unsqueeze", "e0 end", "c0")
                                .node("Unsqueeze", "e1 end", "c1")
                                .node("Unsqueeze", "e2 end", "c2")
                                .node("Concat", "c0 c1 c2", "indices", OnnxProtos.attribute("axis", -1L))
                                .node("ConstantOfShape", "shape", "empty")
                                .node("Expand", "added shape", "updates")
                                .node("ScatterND", "empty indices updates", "all_added")
                                .node("Add", "scores all_added", "masked"))),
                along(
                        "looked up by rows' numbers",
                        graph -> shares.apply(added(scores(graph), -1e9f)
                                // mask[rows, keys], as PyTorch's vmap makes it.
                                .longs("at0", new long[] {0})
                                .longs("at1", new long[] {1})
                                .longs("step", new long[] {1})
                                .list("column", -1, 1)
                                .list("row", 1, -1)
                                .list("end", 2)
                                .node("Shape", "input_ids", "shape")
                                .node("Gather", "shape at0", "rows")
                                .node("Gather", "shape at1", "length")
                                .node("Range", "at0 rows step", "row_numbers")
                                .node("Range", "at0 length step", "numbers")
                                .node("Reshape", "row_numbers column", "n0")
                                .node("Reshape", "numbers row", "n1")
                                .node("Expand", "n0 shape", "e0")
                                .node("Expand", "n1 shape", "e1")
                                .node("Unsqueeze", "e0 end", "c0")
                                .node("Unsqueeze", "e1 end", "c1")
                                .node("Concat", "c0 c1", "indices", OnnxProtos.attribute("axis", -1L))
                                .node("GatherND", "real indices", "looked_up")
                                .node("Unsqueeze", "looked_up middle", "line_2")
                                .node("Sub", "unit line_2", "absent_2")
                                .node("Mul", "absent_2 lowest", "added_2")
                                .node("Add", "scores added_2", "masked"))),
                along(
                        "fused",
                        graph -> graph.domain("com.microsoft", 1)
                                .node("Cast", "attention_mask", "whole", OnnxProtos.attribute("to", 6L))
                                .floats("w", RandomGraph.dyadic(new Random(3), 48), 4, 12)
                                .floats("b", RandomGraph.dyadic(new Random(4), 12), 12)
                                .node(
                                        "com.microsoft.Attention",
                                        "hidden w b whole",
                                        "y",
                                        OnnxProtos.attribute("num_heads", 2L))),
                along(
                        "fused of many heads",
                        graph -> graph.domain("com.microsoft", 1)
                                .node("Cast", "attention_mask", "whole", OnnxProtos.attribute("to", 6L))
                                .node(
                                        "com.microsoft.MultiHeadAttention",
                                        "hidden hidden hidden _ whole",
                                        "y",
                                        OnnxProtos.attribute("num_heads", 2L))),
                along(
                        "fused of groups",
                        graph -> graph.domain("com.microsoft", 1)
                                .list("axis", 1)
                                .longs("one", new long[] {1})
                                .longs("at", new long[] {1})
                                .floats("w", RandomGraph.dyadic(new Random(3), 64), 4, 16)
                                .node("MatMul", "hidden w", "wide")
                                .node(
                                        "ReduceSum",
                                        "attention_mask axis",
                                        "counts",
                                        OnnxProtos.attribute("keepdims", 0L))
                                .node("Sub", "counts one", "lasts")
                                .node("Cast", "lasts", "seqlens", OnnxProtos.attribute("to", 6L))
                                .node("Shape", "attention_mask", "shape")
                                .node("Gather", "shape at", "length")
                                .node("Cast", "length", "total", OnnxProtos.attribute("to", 6L))
                                .node(
                                        "com.microsoft.GroupQueryAttention",
                                        "wide wide wide _ _ seqlens total",
                                        "y k v",
                                        OnnxProtos.attribute("num_heads", 2L),
                                        OnnxProtos.attribute("kv_num_heads", 2L))),
                along(
                        "positions counted by the mask",
                        graph -> graph.longs("axis", new long[] {1})
                                .longs("one", new long[] {1})
                                .longs("two", new long[] {2})
                                .node("CumSum", "attention_mask axis", "counts")
                                .node("Mul", "counts attention_mask", "numbers")
                                .node("Sub", "numbers one", "positions")
                                .node("Add", "positions two", "rows_of_table")
                                .floats("places", RandomGraph.dyadic(new Random(3), 64), 16, 4)
                                .node("Gather", "places rows_of_table", "of_place")
                                .node("Add", "hidden of_place", "y")),
                along(
                        "quantized weights",
                        graph -> graph.bytes("w", DataType.INT8, new byte[] {1, 2, 3, 4, 5, 6, 7, 8}, 4, 2)
                                .floats("scale", new float[] {0.5f})
                                .bytes("zero", DataType.INT8, new byte[] {0})
                                .node("DequantizeLinear", "w scale zero", "real_w")
                                .node("QuantizeLinear", "hidden scale zero", "whole")
                                .node("DequantizeLinear", "whole scale zero", "back")
                                .node("MatMul", "back real_w", "y")));
    }

    @ParameterizedTest
    @MethodSource("heedingTheMask")
    void whatHeedsTheMaskIsRunTogether(UnaryOperator<HandGraph> behind) {
        OnnxModel model = behind.apply(HandGraph.text(17, false)).open(folder);
        OnnxPlan plan = plan(folder.resolve("model.onnx"), model, "y", Pooling.none());
        assertThat(plan.whyAlone()).isEmpty();
        assertAloneAsInCompany(model, LONG_AND_SHORT, "y");
    }
}
